"""What a call changed in a store, and what must hold of a store at any moment."""

from collections import Counter
from collections.abc import Iterable

from app.routing.keys import SessionKey, chat_of
from app.store import keys
from tests.state import DeadLetter, Home, M, State

LIVING = {"waiting", "in_run", "dead"}
EXACT = {"sessions", "backlog", "due", "dead"}
OF_A_SESSION = {"run", "queue", "batch", "senders", "participants", "omitted", "timeline"}


def changes(before: State, after: State) -> State:
    """What a call did: every key that is new or another, None for one that is gone.

    Of a hash and an index only the fields that changed, None for one that is gone; of a
    timeline only the new events.
    """
    found: State = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found[name] = {
                member: new.get(member)
                for member in old.keys() | new.keys()
                if old.get(member) != new.get(member)
            }
        elif name.startswith("timeline:") and new is not None:
            known = len(old or ())
            found[name] = new[known:] if new[:known] == (old or []) else new
        else:
            found[name] = new
    return found


def assert_filed_rightly(state: State, now: int) -> None:
    """Conservation (I2), order (I3), no strand (I5), and every index as the records are."""
    for shard in {name.partition("/")[0] if "/" in _head(name) else "" for name in state}:
        prefix = f"{shard}/" if shard else ""
        part = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if ("/" in _head(name)) == bool(shard) and name.startswith(prefix)
        }
        _Shard(part).check(now)


def _head(name: str) -> str:
    return name.partition(":")[0]


def _senders(m: M) -> Iterable[str]:
    """What a waiting message is counted under: its sender, and an id that this does not tell."""
    yield m.sender
    platform, account, scope, *_ = m.place.split(":")
    if m.user and m.sender != f"{platform}:{scope and scope + '/'}{m.user}":
        yield f"\n{platform}:{account}:{scope}:{m.user}"


class _Shard:
    def __init__(self, state: State) -> None:
        self.state = state
        self.sessions = {
            name.removeprefix("session:"): record
            for name, record in state.items()
            if name.startswith("session:")
        }
        self.homes = {n: h for n, h in state.items() if n.startswith("id:") and isinstance(h, Home)}
        self.dead: dict[str, DeadLetter] = state.get("letters", {})

    def check(self, now: int) -> None:
        for name, record in self.sessions.items():
            self._check_run(name, record)
            self._check_queue(name, record)
            self._check_counters(name, record)
        self._check_no_stray_keys()
        self._check_indexes(now)
        self._check_homes()
        self._check_conservation()
        self._check_tallies()

    def _messages(self, kind: str, name: str) -> list[M]:
        messages: list[M] = self.state.get(f"{kind}:{name}", [])
        return messages

    def _state_of(self, name: str) -> str:
        record = self.sessions[name]
        if "paused" in record:
            return "paused"
        if "fence" in record:
            return "running"
        return "waiting" if self._messages("queue", name) else "idle"

    def _check_run(self, name: str, record: State) -> None:
        run, batch = self.state.get(f"run:{name}"), self._messages("batch", name)
        runs = {"fence", "lease_at", "over_at"} & record.keys()
        if run is None:
            assert not batch, f"{name} has a batch without a run"
            assert not runs, f"{name} has no run, but {runs}"
            return
        assert batch, f"{name} runs nothing"
        assert len(runs) == 3, f"{name} runs, but has only {runs}"
        assert run["fence"] == record["fence"]
        assert record["fence"] <= self.state["fence"], "a fence that was never drawn"
        max_at = run["max_at"] + run.get("prompt_until", 0) - run.get("asked_at", 0)
        assert record["over_at"] == min(record["lease_at"], max_at, run.get("grace_at", max_at))
        assert self.state[f"consumer:{run['consumer']}"][name] == record["fence"]
        assert len({m.place for m in batch if not m.answers}) <= 1, "a batch crosses routes"
        assert {m.fence for m in batch} == {record["fence"]}
        assert run["place"] == batch[0].place
        assert run["session_id"] == record["id"]

    def _check_queue(self, name: str, record: State) -> None:
        queue = self._messages("queue", name)
        assert self.state.get(f"senders:{name}", {}) == Counter(
            counted for m in queue for counted in _senders(m)
        )
        assert record.get("back", 0) == sum(m.fence is not None for m in queue)
        assert ("back" in record) == (record.get("back", 0) > 0)
        for sender in {m.sender for m in queue}:
            own = [m for m in queue if m.sender == sender]
            # A late part of a burst stands with its siblings, whatever was sent in between, and
            # there it stays when they are removed: bursts are looked at one by one.
            for burst in {(m.group, m.group and m.place) for m in own}:
                seqs = [m.seq for m in own if (m.group, m.group and m.place) == burst]
                assert seqs == sorted(seqs), f"{sender} overtakes himself in {name}"

    def _check_counters(self, name: str, record: State) -> None:
        here = len(self._messages("queue", name)) + len(self._messages("batch", name))
        gone = sum(record.get(field, 0) for field in ("done", "dead", "removed"))
        # A message that was redriven has had two numbers.
        assert record["seq"] >= here + gone, f"{name} lost count"
        omitted = self.state.get(f"omitted:{name}", [])
        assert len(omitted) == min(record.get("omitted", 0), 20)
        assert len(self.state.get(f"timeline:{name}", ())) <= 64  # of which 50 are shown
        assert len(self.state.get(f"participants:{name}", ())) <= 50

    def _check_no_stray_keys(self) -> None:
        for key in self.state:
            kind, _, name = key.partition(":")
            if kind in OF_A_SESSION:
                assert name in self.sessions, f"{key} belongs to no session"
                assert self.state[key], f"{key} is empty"
            if kind == "consumer":
                for session, fence in self.state[key].items():
                    assert self.sessions[session].get("fence") == fence, f"{key} holds what is over"

    def _check_indexes(self, now: int) -> None:
        wanted: dict[str, dict[str, int]] = {}
        for name, record in self.sessions.items():
            for index, score in self._places(name, record):
                wanted.setdefault(index, {})[name] = score
        for letter in self.dead.values():
            index = f"dead:{keys.bucket_of(SessionKey(letter.session))}"
            wanted.setdefault(index, {})[self._name_of(letter)] = letter.at
        ready = {n.partition(":")[2] for n in wanted if n.startswith("ready:")}
        assert set(self.state.get("ready_sets", ())) == ready
        kinds = {*EXACT, "running", "waiting", "paused", "ready", "active"}
        found = {n: v for n, v in self.state.items() if n.partition(":")[0] in kinds}
        assert {n: set(v) for n, v in found.items()} == {n: set(v) for n, v in wanted.items()}
        for index, members in wanted.items():
            for name, score in members.items():
                if index.partition(":")[0] in EXACT:
                    assert found[index][name] == score, f"{name} stands wrongly in {index}"
                elif not index.startswith("active:"):
                    assert found[index][name] <= now, f"{name} is in {index} since tomorrow"

    def _name_of(self, letter: DeadLetter) -> str:
        return next(name for name, one in self.dead.items() if one is letter)

    def _places(self, name: str, record: State) -> Iterable[tuple[str, int]]:
        bucket, state = keys.bucket_of(SessionKey(name)), self._state_of(name)
        assert bucket in self.state["buckets"]
        yield f"sessions:{bucket}", 0
        if state != "idle":
            yield f"{state}:{bucket}", 0
        queue = self._messages("queue", name)
        if queue:
            yield f"backlog:{bucket}", min(m.at for m in queue)
        held = {"retry_at", "debounce_at", "group_at"} & record.keys()
        ready = state == "waiting" and not held
        if "fence" in record:  # also while it is paused
            yield f"active:{chat_of(name) or name}", 0
        if ready:
            head = ":".join(queue[0].place.split(":")[:2])
            assert record["ready"] == f"{bucket.partition(':')[0]}:{head}"
            yield f"ready:{record['ready']}", 0
        else:
            assert "ready" not in record
        yield from self._deadline(name, record, state, stranded=not ready)

    def _deadline(
        self, name: str, record: State, state: str, *, stranded: bool
    ) -> Iterable[tuple[str, int]]:
        deadlines = ("over_at", "retry_at", "debounce_at", "group_at", "expire_at")
        stored = [record[field] for field in deadlines if field in record]
        if state == "idle":
            assert "last_at" in record, f"{name} is idle since 1970: the walk retires it"
            assert "keep_ms" in record, f"{name} is idle, and kept for no time"
            stored = []
        if stored:
            yield "due", min(stored)
        strands = stranded and state not in {"paused", "idle"} and not stored
        assert not strands, f"{name} is stranded (I5)"

    def _check_homes(self) -> None:
        homes = {home.digest: home for home in self.homes.values()}
        living = set()
        for session, state, m in self._living():
            home = homes[m.home]
            living.add(m.home)
            assert (home.session, home.state) == (session, state), f"{m.id} is not at home"
            assert (home.decision, home.print, home.amended) == (m.decision, m.print, m.amended)
            assert home.accepted_at == m.at
            assert home.fence == m.fence or state == "waiting"
        for digest, home in homes.items():
            assert (home.state in LIVING) == (digest in living), f"a {home.state} is not there"
            assert (home.ttl is None) == (home.state in LIVING), f"{home} lives too long or short"
            came_back = home.state == "waiting" and home.fence is not None
            is_as_at_first = home.state in {"waiting", "in_run"} and not came_back
            assert (home.since is None) == is_as_at_first

    def _living(self) -> Iterable[tuple[str, str, M]]:
        for name in self.sessions:
            yield from ((name, "waiting", m) for m in self._messages("queue", name))
            yield from ((name, "in_run", m) for m in self._messages("batch", name))
        for letter in self.dead.values():
            yield letter.session, "dead", letter.message

    def _check_tallies(self) -> None:
        tallies = {
            name.removeprefix("tally:"): value
            for name, value in self.state.get("stats", {}).items()
            if name.startswith("tally:")
        }
        ended, took = (
            sum(value for name, value in tallies.items() if name.startswith(kind))
            for kind in ("ended_", "run_within_")
        )
        active = sum(name.startswith("run:") for name in self.state)
        assert tallies.get("granted", 0) - ended == active, f"{active} run: {tallies}"
        assert took == ended, f"not every end has its length: {tallies}"

    def _check_conservation(self) -> None:
        counted: dict[str, Counter[str]] = {}
        for name, value in self.state.get("stats", {}).items():
            state, _, bucket = name.partition(":")
            assert value >= 0, f"{name} is {value}"
            if state == "tally":
                continue
            counted.setdefault(bucket, Counter())[state] = value
        for bucket, counts in counted.items():
            rest = sum(counts.values()) - counts["accepted"]
            assert counts["accepted"] == rest, f"{bucket} does not add up: {counts}"
        here: dict[str, Counter[str]] = {bucket: Counter() for bucket in counted}
        for session, state, m in self._living():
            bucket = f"{session.split(':')[1]}:{m.place.partition(':')[0]}"
            here[bucket][state] += 1
        for bucket, counts in counted.items():
            for state in LIVING:
                assert counts[state] == here[bucket][state], f"{state} of {bucket}: {counts}"
        ended = Counter(home.state for home in self.homes.values())
        for state in ("done", "removed"):
            assert ended[state] == sum(counts[state] for counts in counted.values()), state
