"""What the processes of one server share: the zones, the sockets, and what is counted."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

from globaldns.dns.batch import receiving_call
from globaldns.dns.counters import BLOCK_OCTETS, Counts
from globaldns.dns.listen import Listen
from globaldns.dns.seats import Seat
from globaldns.dns.table import Table

_WORKER, _CONTROL = range(2)


class Plane:
    """Made before any process is forked that is to share it."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self.seats = tuple(seats)
        self.table = Table()
        self.blocks = tuple(_block() for _ in seats)
        """Of counters, by seat."""
        self.counts = Counts(self.blocks)
        self._restarts = _block()
        self._looks = _block().cast("B").cast("d")
        """When each worker has looked last, monotonic."""

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where the server listens for UDP and TCP, with real ports."""
        return self.seats[0].addresses

    @property
    def tls_addresses(self) -> tuple[Listen, ...]:
        """Where the server listens for TLS, with real ports."""
        return self.seats[0].tls_addresses

    @property
    def udp(self) -> str:
        """How datagrams are received: by which system call."""
        return receiving_call()

    @property
    def worker_restarts(self) -> int:
        """How often a worker that died was followed by another."""
        return self._restarts[_WORKER]

    @property
    def control_restarts(self) -> int:
        """How often a control process that died was followed by another."""
        return self._restarts[_CONTROL]

    def looked(self, seat: int, now: float) -> None:
        """Say that a worker has looked around."""
        self._looks[seat] = now

    def looked_at(self, seat: int) -> float:
        """Return the monotonic time at which a worker has looked around last; 0: it never has."""
        return self._looks[seat]

    def count_restart(self, *, worker: bool) -> None:
        """Count that a process which died is followed by another."""
        self._restarts[_WORKER if worker else _CONTROL] += 1

    def close(self) -> None:
        """Close the sockets for this process."""
        for seat in self.seats:
            seat.close()


def _block() -> memoryview:
    return memoryview(mmap.mmap(-1, BLOCK_OCTETS)).cast("Q")
