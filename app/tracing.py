"""OpenTelemetry traces, where the environment asks for them; else no SDK is loaded, no span made.

They are asked for as OpenTelemetry has it: by the address of a collector in
`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. What else the SDK reads from
the environment (service name, sampler, headers) holds too. A span has the words of this code
and the request's id: no text, no token, no id of a person, chat or session.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from threading import Thread
from typing import TYPE_CHECKING, Final

from app import VERSION
from app.errors import ServiceError
from app.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
SERVED_PROTOCOL: Final = "http/protobuf"
FLUSH_SECONDS = 2.0  # what the last spans get to reach a collector when the service ends

_tracer: "Tracer | None" = None


def is_asked_for() -> bool:
    """Whether the environment names a collector and does not switch traces off."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off = is_off or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not is_off and any(map(os.environ.get, ENDPOINTS))


def require() -> None:
    """Raise `SettingsError` where traces are asked for and cannot be sent."""
    if not is_asked_for():
        return
    for name in PROTOCOLS:
        if os.environ.get(name, SERVED_PROTOCOL) != SERVED_PROTOCOL:
            raise SettingsError(f"{name}: must be {SERVED_PROTOCOL}")
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401
    except ImportError as error:
        asked = " or ".join(ENDPOINTS)
        raise SettingsError(
            f"{asked} asks for traces: install 'session-router[tracing]', or unset it"
        ) from error


@asynccontextmanager
async def tracing() -> AsyncIterator[None]:
    """Send traces as long as the block lasts, where they are asked for; raises as `require`."""
    global _tracer  # noqa: PLW0603  one process, one tracer
    if not is_asked_for():
        yield
        return
    require()
    provider = _provider()
    _tracer = provider.get_tracer("session-router", VERSION)
    try:
        yield
    finally:
        _tracer = None
        # A collector that is away may keep it waiting: the service does not.
        ending = Thread(target=provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, FLUSH_SECONDS)


def _provider() -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", "session-router")
    provider = TracerProvider(resource=Resource.create(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class CallSpan:
    """The span of one HTTP call, or nothing where no traces are asked for."""

    __slots__ = ("_span",)

    def __init__(self, span: "Span | None" = None) -> None:
        self._span = span

    def end(self, verb: str, outcome: str, status: int, request_id: str) -> None:
        """Say what the call was, now that it is known."""
        if self._span is None:
            return
        self._span.update_name(verb)
        self._span.set_attributes(
            {
                "http.response.status_code": status,
                "session_router.outcome": outcome,
                "session_router.request_id": request_id,
            }
        )
        if status == 0 or status >= ServiceError.status:
            _fail(self._span, outcome)


_NO_SPAN: Final = nullcontext(CallSpan())
_NOTHING: Final = nullcontext()


def calling(headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[CallSpan]:
    """The span of an HTTP call, a part of the trace that its `traceparent` names."""
    return _NO_SPAN if _tracer is None else _calling(_tracer, headers)


@contextmanager
def _calling(tracer: "Tracer", headers: Iterable[tuple[bytes, bytes]]) -> Iterator[CallSpan]:
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    with tracer.start_as_current_span(
        "call",
        context=extract(carrier),
        kind=SpanKind.SERVER,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield CallSpan(span)


def calling_store(verb: str) -> AbstractContextManager[None]:
    """The span of one call of a script inside a traced call; what loops do is not traced."""
    return _NOTHING if _tracer is None else _calling_store(_tracer, verb)


@contextmanager
def _calling_store(tracer: "Tracer", verb: str) -> Iterator[None]:
    from opentelemetry.trace import SpanKind, get_current_span

    if not get_current_span().is_recording():
        yield
        return
    with tracer.start_as_current_span(
        f"store {verb}",
        kind=SpanKind.CLIENT,
        attributes={"db.system.name": "redis", "db.operation.name": "FCALL"},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            _fail(span, type(error).__name__)
            raise


def decided(decision: str, reason: str) -> None:
    """Add a decision to the span of the call that it answers."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span

    get_current_span().set_attributes(
        {"session_router.decision": decision, "session_router.reason": reason}
    )


def _fail(span: "Span", kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)
