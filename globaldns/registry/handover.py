"""VIPs that were answered for another host a short while ago, and what hosts answered last.

Resolvers and sidecars hold on to an answer. Where a VIP stops standing for one host and begins to
stand for another, the new host is not answered until the old answers are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, Handover


class Handovers:
    """For each VIP that a host ceased to be answered with: that host, and until when it matters."""

    def __init__(self, ended: Mapping[Address, Handover], last: Iterable[Entry]) -> None:
        self._last = {
            entry.host: entry.vips
            for entry in last
            if entry.vips and entry.answering is not Answering.FAILURE
        }
        self._answered = {vip: host for host, vips in self._last.items() for vip in vips}
        """By the last zone of the run before; until that zone is replaced."""
        self._ended: dict[Address, Handover] = {}
        self._ends: list[tuple[int, Address]] = []
        for vip, handover in ended.items():
            self._note(vip, handover.host, handover.until)

    @property
    def ended(self) -> dict[Address, Handover]:
        """The VIPs whose next holder waits; to be remembered with the zone."""
        return self._ended.copy()

    @property
    def is_idle(self) -> bool:
        """Whether no VIP was answered for anybody else a short while ago."""
        return not self._ended and not self._answered

    @property
    def next_end(self) -> int | None:
        """When the next wait ends."""
        return self._ends[0][0] if self._ends else None

    def last_answered(self, host: Host) -> tuple[Address, ...]:
        """Return the VIPs that a host was answered with before it ceased to be answered."""
        return self._last.get(host, ())

    def begin(self, host: Host, vips: Iterable[Address], until: int) -> None:
        """Note that a host is not answered with some VIPs any more."""
        for vip in vips:
            self._note(vip, host, until)

    def resume(self, vips: Iterable[Address]) -> None:
        """Note that some VIPs are answered now: whoever had them before matters no longer."""
        if self._ended:
            for vip in vips:
                self._ended.pop(vip, None)

    def set_last(self, host: Host, vips: tuple[Address, ...]) -> None:
        """Note what a host was answered with last; nothing once it is answered or gone."""
        if vips:
            self._last[host] = vips
        else:
            self._last.pop(host, None)

    def is_waiting(self, host: Host, vip: Address, now: int, until: int) -> bool:
        """Whether a host must not be answered with a VIP yet.

        ``until`` is the end of the wait where it begins only now: the zone of the run before, which
        is about to be replaced, has the VIP for another host.
        """
        previous = self._answered.get(vip, host)
        if previous != host and vip not in self._ended:
            self._note(vip, previous, until)
        ended = self._ended.get(vip)
        return ended is not None and ended.host != host and ended.until > now

    def replace_zone(self, until: int) -> None:
        """The zone of the run before is answered from no longer: what it had alone has ended."""
        for host, vips in self._last.items():
            for vip in vips:
                if self._answered.get(vip) == host and vip not in self._ended:
                    self._note(vip, host, until)
        self._answered = {}

    def end(self, now: int) -> list[Address]:
        """Forget the waits that are over; return their VIPs."""
        over = []
        while self._ends and self._ends[0][0] <= now:
            end, vip = heappop(self._ends)
            if vip in self._ended and self._ended[vip].until == end:
                del self._ended[vip]
                over.append(vip)
        return over

    def assume(self, claims: Iterable[Claim], wait: int, newest: int) -> None:
        """Take VIPs for answered until their claims were retired, where no zone says what was."""
        for claim in claims:
            if claim.retired_at is not None and claim.retired_at + wait > newest:
                self._note(claim.vip, claim.host, claim.retired_at + wait)

    def _note(self, vip: Address, host: Host, until: int) -> None:
        self._ended[vip] = Handover(host, until)
        heappush(self._ends, (until, vip))
