"""What waits in a session: its order, the bursts in it, and the batches made of it."""

from dataclasses import dataclass, field

from tests.model.records import Incoming, Message, Rules


@dataclass(eq=False)
class Queue:
    """Waiting messages in the order of delivery. The parts of a burst stand together."""

    rules: Rules
    queue: list[Message] = field(default_factory=list)

    def waiting_of(self, sender: str | None) -> list[Message]:
        return [m for m in self.queue if m.sent.sender == sender]

    def put_back(self, *messages: Message) -> None:
        """I3: a batch that returns stands in front of everything."""
        self.queue = [*messages, *self.queue]
        self.gather()

    def put_last(self, m: Message) -> None:
        self.queue.append(m)
        self.gather()

    def put_first(self, m: Message) -> None:
        """I3: its sender's waiting messages, in their order, before all others'."""
        own = [*self.waiting_of(m.sent.sender), m]
        self.queue = own + [other for other in self.queue if other not in own]
        self.gather()

    # BURSTS

    def gather(self) -> None:
        """[4] A burst is one message: it stands where its first part does."""
        left, self.queue = self.queue, []
        while left:
            burst = self.burst_at(left, 0) or left[:1]
            self.queue += burst
            left = [m for m in left if m not in burst]

    @staticmethod
    def burst_at(messages: list[Message], first: int) -> list[Message]:
        return [m for m in messages if messages[first].sent.is_part_of(m.sent)]

    def bursts(self, messages: list[Message]) -> list[list[Message]]:
        """The same messages, those that count as one together."""
        parted: list[list[Message]] = []
        for m in messages:
            if parted and parted[-1][0].sent.is_part_of(m.sent):
                parted[-1].append(m)
            else:
                parted.append([m])
        return parted

    def open_until(self, m: Incoming, now: int) -> int:
        """[4] Until when a new part makes its burst wait; 0 for what is no part of one."""
        if m.group is None or self.rules.group_ms == 0:
            return 0
        siblings = [w for w in self.queue if m.is_part_of(w.sent)]
        first_at = siblings[0].accepted_at if siblings else now
        return min(now + self.rules.group_ms, first_at + self.rules.debounce_max_ms)

    @property
    def head_open_until(self) -> int:
        """Until when the burst at the head holds the queue; 0 if none is there."""
        if not self.queue:
            return 0
        return max(m.open_until for m in self.bursts(self.queue)[0])

    # BATCHES

    def is_last_try(self, m: Message) -> bool:
        return m.returns + 1 >= self.rules.max_deliveries

    def choose_batch(self, now: int) -> list[Message]:
        """[4] As `drain` says, within one place; a last try is alone; a burst is one, and whole."""
        head, rules = self.queue[0], self.rules
        line = self.waiting_of(head.sent.sender) if rules.drain == "by_sender" else self.queue
        chosen, *rest = self.bursts(line)
        if any(self.is_last_try(m) for m in chosen):
            return chosen
        for burst in rest[: 0 if rules.drain == "one" else rules.batch_max - 1]:
            alone = any(self.is_last_try(m) for m in burst)
            is_open = any(m.open_until > now for m in burst)
            if alone or is_open or burst[0].sent.place != head.sent.place:
                break
            chosen = chosen + burst
        return chosen
