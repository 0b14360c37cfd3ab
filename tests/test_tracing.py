"""Traces: sent to a collector that the environment names, and of no weight where it names none."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app import tracing
from app.settings import SettingsError
from tests.faults.services import Service
from tests.processes import wait_until

PROJECT = Path(__file__).resolve().parents[1]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """What an OpenTelemetry collector would get, kept."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def service_names(self) -> set[str]:
        return {
            attribute.value.string_value
            for request in self.requests
            for resource in request.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Give a collector on loopback."""
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


def attributes(span: Span) -> dict[str, str | int]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def ask(service: Service, path: str, body: object) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "gw-1"}
    asking = urllib.request.Request(service.url + path, json.dumps(body).encode(), headers)
    try:
        urllib.request.urlopen(asking, timeout=10).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()


@pytest.mark.slow
def test_a_call_and_its_scripts_are_spans_of_the_callers_trace_and_name_nobody(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")  # its own spans would name paths
    source = {"platform": "irc", "chat_type": "group", "chat_id": "the-chat", "user_id": "Zoe"}
    body = {"message_id": "m-77", "consumer": "gw-9", "text": "a private matter", "source": source}
    with Service(tmp_path / "s") as service:
        service.await_ready()
        ask(service, "/v1/messages", body)
        ask(service, "/v1/messages", body | {"text": 7})
        ask(service, "/v1/sessions/agent%3Amain%3Airc%3Agroup%3Athe-chat%3AZoe/release", {})
        wait_until(lambda: "release" in {span.name for span in collector.spans})
        assert not service.errors
    spans = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    good, bad = (span for span in spans if span.name == "admit")
    assert good.parent_span_id.hex() == PARENT
    told = attributes(good)
    assert told["session_router.decision"] == "run"
    assert told["session_router.reason"] == "session_idle"
    assert told["session_router.request_id"] == "gw-1"
    assert (told["http.response.status_code"], told["session_router.outcome"]) == (200, "ok")
    assert attributes(bad)["session_router.outcome"] == "invalid_request"
    scripts = [span for span in spans if span.name == "store admit"]
    assert [span.parent_span_id for span in scripts] == [
        good.span_id
    ] * 2  # the first asks for settings
    assert {span.status.code for span in spans} == {Status.STATUS_CODE_UNSET}
    assert {"admit", "release"} < {span.name for span in spans}
    assert collector.service_names == {"session-router"}
    assert "store due" not in {span.name for span in collector.spans}
    everything = str(collector.requests)
    for hidden in ("private matter", "Zoe", "the-chat", "m-77", "gw-9"):
        assert hidden not in everything


@pytest.mark.slow
def test_a_collector_that_is_away_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with Service(tmp_path / "s") as service:
        service.await_ready()
        with urllib.request.urlopen(f"{service.url}/v1/stats", timeout=10) as answer:
            assert answer.status == 200
        process = service._process
        assert process is not None
        process.terminate()
        assert process.wait(15) == 0


def test_without_a_collector_no_sdk_is_needed_or_loaded() -> None:
    program = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
from app.main import create_app
from app.settings import Settings
from app import tracing

create_app(Settings(redis_url="redis://nobody"))
tracing.require()
with tracing.calling([]) as span, tracing.calling_store("admit"):
    tracing.decided("run", "session_idle")
    span.end("admit", "ok", 200, "1")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "is_asked_for"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_made_only_where_the_environment_asks_for_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_asked_for: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tracing.is_asked_for() is is_asked_for


def test_a_protocol_that_is_not_served_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        tracing.require()


def test_traces_without_the_extra_are_refused_at_the_start_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"session-router\[tracing\]"):
        tracing.require()
