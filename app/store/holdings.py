"""What holders should know: interrupts, steers, answers, and the leases they lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from app.routing.keys import SessionKey
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.holders import holder_of
from app.store.replies import Reader, interrupt
from app.store.store_client import Reply, StoreClient
from session_router.models import AnswerSignal, InterruptSignal, LeaseLostSignal, SteerSignal

Signal = InterruptSignal | SteerSignal | AnswerSignal | LeaseLostSignal


@dataclass(slots=True)
class NewsReader:
    """How far the news of each shard were read, in the store's milliseconds."""

    read_until: dict[int, int] = field(default_factory=dict)


class Holdings:
    """Reads for signal streams; `clock` as in `SessionStore`. All raise `StoreUnavailable`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def outstanding(self, token_name: str, consumer: str) -> list[Signal]:
        """All that a consumer should know now, over all shards: `outstanding.lua`."""
        holder = holder_of(token_name, consumer)
        found = await asyncio.gather(
            *(self._outstanding_in(shard, holder) for shard in range(self._shards))
        )
        return [signal for signals in found for signal in signals]

    async def _outstanding_in(self, shard: int, holder: str) -> list[Signal]:
        where = [keys.consumer_runs(shard, holder), keys.lost_runs(shard, holder)]
        _, runs, lost = await self._client.call(scripts.OUTSTANDING, where, self._clock())
        signals: list[Signal] = []
        for part in zip(*(runs[column::4] for column in range(4)), strict=True):
            signals += _signals_of_run(shard, list(part))
        for part in zip(*(lost[column::3] for column in range(3)), strict=True):
            signals.append(_lost_lease(shard, list(part)))
        return signals

    async def signalled_since(self, reader: NewsReader) -> set[str]:
        """The holders that were signalled since the reader's last look: `news.lua`."""
        found = await asyncio.gather(
            *(self._signalled_in(shard, reader) for shard in range(self._shards))
        )
        return {holder for holders in found for holder in holders}

    async def _signalled_in(self, shard: int, reader: NewsReader) -> list[str]:
        since = reader.read_until.get(shard, "")
        _, now_ms, *holders = await self._client.call(scripts.NEWS, [keys.news(shard)], since)
        reader.read_until[shard] = now_ms
        return holders


def _signals_of_run(shard: int, part: Reply) -> list[Signal]:
    session, fence, asked, offered = part
    reader = Reader(SessionKey(session), shard)
    run = {"run_id": reader.run_id(fence), "fence": int(fence), "session_key": session}
    signals: list[Signal] = []
    if asked:
        request = interrupt(asked)
        signals.append(InterruptSignal.model_validate({**run, "interrupt": request}))
    steer, answers = reader.offered(offered)
    if steer:
        signals.append(SteerSignal.model_validate({**run, "steer": steer}))
    if answers:
        signals.append(AnswerSignal.model_validate({**run, "answers": answers}))
    return signals


def _lost_lease(shard: int, part: Reply) -> LeaseLostSignal:
    session, fence, how = part
    return LeaseLostSignal(
        run_id=Reader(SessionKey(session), shard).run_id(fence),
        fence=int(fence),
        session_key=session,
        ended=how,
    )
