"""VIPs that were answered for another host a short while ago, and what hosts answered last.

Resolvers and sidecars hold on to an answer. Where a VIP stops standing for one host and begins to
stand for another, the new host is not answered until the old answers are gone.

An answer is held on to by the TTL that it was given with. So where TTLs become smaller, a wait is
over no sooner than all answers with the larger one are gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from globaldns.model.address import Address
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, Handover, Waits
from globaldns.registry.claims import Claims

_ANYBODY = Host("")
"""Stands for who was answered with a VIP where that may have been one of several: all wait."""


def carry_over(waits: Waits, *, saved_at: int, now: int, length: int) -> Waits:
    """Return the waits that were remembered as they are for a run that begins now.

    A clock that was set back meanwhile takes them along: none lasts longer than it did when it was
    remembered. ``length`` is for how many seconds answers may be kept from now on.
    """
    back = max(0, saved_at - now)
    larger_until = waits.larger_until - back
    if waits.length > length:
        larger_until = max(larger_until, now + waits.length)
    handovers = {
        vip: Handover(handover.host, handover.until - back)
        for vip, handover in waits.handovers.items()
    }
    return Waits(handovers, length, larger_until)


class Handovers:
    """For each VIP that a host ceased to be answered with: that host, and until when it matters.

    ``remembered`` are the waits of the run before, and ``last`` is its zone. ``length`` is for how
    many seconds answers may be kept.
    """

    def __init__(self, remembered: Waits, last: Iterable[Entry], length: int) -> None:
        self._length = length
        self._larger_until = remembered.larger_until
        """When the last answer with a larger TTL is gone."""
        self._last = {
            entry.host: entry.vips
            for entry in last
            if entry.vips and entry.answering is not Answering.FAILURE
        }
        self._answered = {vip: host for host, vips in self._last.items() for vip in vips}
        """By the run before; until its zone is replaced, or the VIP is answered in this one."""
        self._ended: dict[Address, Handover] = {}
        self._ends: list[tuple[int, Address]] = []
        for vip, handover in remembered.handovers.items():
            self._note(vip, handover.host, handover.until)

    @property
    def waits(self) -> Waits:
        """What is to be remembered with the zone."""
        return Waits(self._ended.copy(), self._length, self._larger_until)

    @property
    def is_idle(self) -> bool:
        """Whether no VIP was answered for anybody else a short while ago."""
        return not self._ended and not self._answered

    @property
    def next_end(self) -> int | None:
        """When the next wait ends."""
        return self._ends[0][0] if self._ends else None

    def set_length(self, length: int, now: int) -> None:
        """Note that answers that are given from now on may be kept for another time."""
        if length < self._length:
            self._larger_until = self._until(now)
        self._length = length

    def last_answered(self, host: Host) -> tuple[Address, ...]:
        """Return the VIPs that a host was answered with before it ceased to be answered."""
        return self._last.get(host, ())

    def begin(self, host: Host, vips: Iterable[Address], now: int) -> None:
        """Note that a host is not answered with some VIPs any more."""
        for vip in vips:
            self._note(vip, host, self._until(now))

    def resume(self, vips: Iterable[Address]) -> None:
        """Note that some VIPs are answered now: whoever had them before matters no longer."""
        if not self.is_idle:
            for vip in vips:
                self._ended.pop(vip, None)
                self._answered.pop(vip, None)

    def set_last(self, host: Host, vips: tuple[Address, ...]) -> None:
        """Note what a host was answered with last; nothing once it is answered or gone."""
        if vips:
            self._last[host] = vips
        else:
            self._last.pop(host, None)

    def is_waiting(self, host: Host, vip: Address, now: int) -> bool:
        """Whether a host must not be answered with a VIP yet.

        The wait begins only now where the run before, whose zone is about to be replaced, answered
        the VIP for another host.
        """
        previous = self._answered.get(vip, host)
        if previous != host and vip not in self._ended:
            self._note(vip, previous, self._until(now))
        ended = self._ended.get(vip)
        return ended is not None and ended.host != host and ended.until > now

    def replace_zone(self, now: int) -> None:
        """The zone of the run before is answered from no longer: what it had alone has ended."""
        for vip, host in self._answered.items():
            self._note(vip, host, self._until(now))  # anew: it was answered until now
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

    def assume(self, claims: Claims) -> None:
        """Take VIPs for answered by what is claimed, where no zone says what was.

        Each was answered for who claimed it until the claim was retired. Where another host holds
        it by now, and the claim still stands or was retired a short while ago, nobody knows for
        which of them it was answered until now.
        """
        for claim in claims:
            ended_at = claims.newest if claim.retired_at is None else claim.retired_at
            if (until := self._until(ended_at)) <= claims.newest:
                continue
            holder = claims.holder(claim.vip)
            if holder is not None and holder.host != claim.host:
                self._answered[claim.vip] = _ANYBODY
            elif claim.retired_at is not None:
                self._assume(claim.vip, claim.host, until)
        for vip in self._answered:
            self._ended.pop(vip, None)

    def _assume(self, vip: Address, host: Host, until: int) -> None:
        known = self._ended.get(vip, Handover(host, until))
        self._note(vip, host if host == known.host else _ANYBODY, max(until, known.until))

    def _until(self, now: int) -> int:
        """Return when the answers are gone that were given until now."""
        return max(now + self._length, self._larger_until)

    def _note(self, vip: Address, host: Host, until: int) -> None:
        self._ended[vip] = Handover(host, until)
        heappush(self._ends, (until, vip))
