"""HTTP to one router: a call, its retries, and the model or the error it ends with."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from session_router.errors import RouterError, Unavailable, refusal
from session_router.models import Problem
from session_router.retries import Patience, retry_after_seconds

M = TypeVar("M", bound=BaseModel)

# A gateway timeout or a bad gateway is a proxy's word for what the router says with 503.
LATER: Final = frozenset({429, 502, 503, 504})


class Call(NamedTuple, Generic[M]):
    """One request, and the model of its answer.

    `held_seconds`: how long the router may hold its answer back, as it was asked to.
    """

    method: str
    path: str
    answer: type[M]
    body: BaseModel | None = None
    params: Mapping[str, str] | None = None
    held_seconds: float = 0.0


class Answer(NamedTuple, Generic[M]):
    """A parsed answer; `sent_at` (monotonic) is when the request it answers was sent.

    `attempts` above 1: an earlier request may have done the work, and this one told it again.
    """

    value: M
    sent_at: float
    attempts: int


class Connection:
    """Calls to the router at `url`. Times out a request after `timeout_seconds`."""

    def __init__(
        self,
        url: str,
        token: str | None,
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError("the router's url must begin with http:// or https://")
        self._timeout_seconds = timeout_seconds
        self._no_more_retries = asyncio.Event()
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            # A beat must never stand in line behind messages for a free connection.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
            timeout=timeout_seconds,
            transport=transport,
        )

    async def close(self) -> None:
        """Close the connections; no call works afterwards."""
        await self._http.aclose()

    def stop_waiting(self) -> None:
        """Let calls that wait to be retried fail now; those that come get one try."""
        self._no_more_retries.set()

    async def persist(
        self, call: Call[M], retry_seconds: float, *, to_the_end: bool = False
    ) -> Answer[M]:
        """Call until there is an answer, for at most `retry_seconds`, at least once.

        What is retried: no connection, a broken one, a timeout, 429, 502, 503 and 504. Raises
        `Unavailable` when the time is up (or, unless `to_the_end`, after `stop_waiting`), and
        the error that belongs to any other answer.
        """
        patience = Patience(retry_seconds)
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = await self.once(
                    call, patience.remaining_seconds() if attempts > 1 else math.inf
                )
            except Unavailable as error:
                delay = patience.next_delay_seconds(error.retry_after_seconds)
                if delay is None or not await self._rest(delay, to_the_end=to_the_end):
                    raise
            else:
                return answer._replace(attempts=attempts)

    async def _rest(self, delay_seconds: float, *, to_the_end: bool) -> bool:
        if to_the_end:
            await asyncio.sleep(delay_seconds)
            return True
        try:
            async with asyncio.timeout(delay_seconds):
                await self._no_more_retries.wait()
        except TimeoutError:
            return True
        return False

    async def once(self, call: Call[M], timeout_seconds: float) -> Answer[M]:
        """Call once, for at most `timeout_seconds` or the client's own timeout."""
        sent_at = time.monotonic()
        limit = min(timeout_seconds, self._timeout_seconds + call.held_seconds)
        try:
            async with asyncio.timeout(limit):
                response = await self._send(call)
        except (TimeoutError, httpx.RequestError) as error:
            raise _no_answer(error) from error
        return Answer(_parsed(call, response), sent_at, 1)

    async def _send(self, call: Call[M]) -> httpx.Response:
        request = self._http.build_request(
            call.method,
            call.path,
            params=call.params,
            content=None if call.body is None else _json(call.body),
            headers={} if call.body is None else {"Content-Type": "application/json"},
            timeout=self._timeout_seconds + call.held_seconds,
        )
        return await self._http.send(request)

    async def stream(
        self, path: str, params: Mapping[str, str], silence_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Give the parts of an answer that goes on, until the router ends it.

        Raises as `once` does, and `Unavailable` when nothing came for `silence_seconds`.
        """
        timeout = httpx.Timeout(self._timeout_seconds, read=silence_seconds)
        # What is compressed on its way may be held back until there is more of it.
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        try:
            async with self._http.stream(
                "GET", path, params=params, headers=headers, timeout=timeout
            ) as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _error_of(response)
                async for part in response.aiter_bytes():
                    yield part
        except httpx.RequestError as error:
            raise _no_answer(error) from error


def _json(body: BaseModel) -> str:
    return body.model_dump_json(by_alias=True, exclude_defaults=True)


def _no_answer(error: TimeoutError | httpx.RequestError) -> Unavailable:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Unavailable("the router did not answer in time")
    return Unavailable(f"no answer from the router: {str(error) or type(error).__name__}")


def _error_of(response: httpx.Response) -> RouterError:
    if response.status_code in LATER:
        return Unavailable(
            f"the router answered {response.status_code}", retry_after_seconds(response.headers)
        )
    return refusal(response.status_code, _problem(response), response.reason_phrase)


def _parsed(call: Call[M], response: httpx.Response) -> M:
    if response.status_code != httpx.codes.OK:
        raise _error_of(response)
    try:
        # A newer router may say more than this client knows.
        return call.answer.model_validate_json(response.content, extra="ignore")
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise RouterError(f"this client does not understand the answer: {fields}") from None


def _problem(response: httpx.Response) -> Problem | None:
    try:
        return Problem.model_validate_json(response.content, extra="ignore")
    except ValidationError:
        return None
