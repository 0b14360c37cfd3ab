"""What one turn of the event loop writes to a client leaves as one.

Uvicorn writes the head of an answer and then its body, and uvloop sends at once whatever is
written: twice the kernel, and two packets, for every small answer.
"""

from asyncio import AbstractEventLoop, BaseProtocol, TimerHandle, Transport
from typing import Any

HELD_BYTES_MAX = 64 * 1024  # more than that leaves within its turn


class JoinedWrites(Transport):
    """A transport in front of another one, for what uvicorn asks of one."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop, stuck_seconds: float) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._stuck_seconds = stuck_seconds
        self._look: TimerHandle | None = None
        self._held: list[bytes | bytearray | memoryview] = []
        self._held_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES_MAX:
            self._send()

    def _send(self) -> None:
        # The client may have gone within the turn: uvloop takes no word for it any more.
        if self._held and not self._transport.is_closing():
            self._transport.write(b"".join(self._held))
        self._held.clear()
        self._held_bytes = 0

    def close(self) -> None:
        self._send()
        self._transport.close()
        # Closed when all is sent, which a client that reads nothing would put off for ever.
        self.give_up_if_stuck()

    def give_up_if_stuck(self) -> None:
        """End the connection when for so many seconds nothing is taken of what waits to be sent.

        Nothing more may be written meanwhile, until `trust`.
        """
        self.trust()
        left = self._transport.get_write_buffer_size()
        if left:
            self._look = self._loop.call_later(self._stuck_seconds, self._look_again, left)

    def _look_again(self, left: int) -> None:
        if self._transport.get_write_buffer_size() < left:
            self.give_up_if_stuck()
        else:
            self._transport.abort()

    def trust(self) -> None:
        """Look no longer whether it is stuck."""
        if self._look is not None:
            self._look.cancel()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()
