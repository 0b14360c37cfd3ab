"""Reads what scripts pack with `cmsgpack`: arrays and maps of texts, numbers and nothing."""

import struct
from typing import Any

_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_LENGTHS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def _take(self, size: int) -> bytes:
        self.at += size
        return self._data[self.at - size : self.at]

    def value(self) -> Any:
        head = self._take(1)[0]
        if head <= 0x7F or head >= 0xE0:
            return head if head <= 0x7F else head - 0x100
        if head in _NUMBERS:
            form = _NUMBERS[head]
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return self._sized(head)

    def _sized(self, head: int) -> Any:
        if head <= 0x8F or head >= 0xDE:
            return self._map(self._size(head, 0x0F))
        if head <= 0x9F or head in {0xDC, 0xDD}:
            return [self.value() for _ in range(self._size(head, 0x0F))]
        return _text(self._take(self._size(head, 0x1F)))

    def _size(self, head: int, mask: int) -> int:
        """How long it is: in the head itself, or in the bytes behind it."""
        if head not in _LENGTHS:
            return head & mask
        form = _LENGTHS[head]
        size: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return size

    def _map(self, size: int) -> dict[Any, Any]:
        return {self.value(): self.value() for _ in range(size)}


def _text(data: bytes) -> str | bytes:
    # An array that is packed inside another begins as no text does.
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def unpack(data: bytes) -> list[Any]:
    """Read one packed array, whole."""
    (value,) = unpack_all(data)
    assert isinstance(value, list)
    return value


def unpack_map(data: bytes) -> dict[str, Any]:
    """Read one packed map, whole; an empty one is packed as an array."""
    (value,) = unpack_all(data)
    if value == []:
        return {}
    assert isinstance(value, dict)
    return value


def unpack_all(data: bytes) -> list[Any]:
    """Read what was packed one after the other."""
    reader, values = _Reader(data), []
    while reader.at < len(data):
        values.append(reader.value())
    assert reader.at == len(data), "the last is cut off"
    return values
