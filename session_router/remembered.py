"""A bounded memory of names."""


class Remembered:
    """The last `most` names that were added."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[str, None] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        """Remember a name; the oldest is forgotten when there are too many."""
        self._names[name] = None
        if len(self._names) > self._most:
            del self._names[next(iter(self._names))]
