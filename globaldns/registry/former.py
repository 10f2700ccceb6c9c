"""VIPs that hosts had until a short while ago: not answered any more, and still routed.

Who asked before a move goes on using the old address for as long as an answer is kept, and has
connections that last longer. So a VIP stays its former host's for ``vips.overlap`` after its last
claim was retired, and while a cluster has yet to retire a claim that has lost: there it is still
answered. It ends at once where another host holds the VIP: after a collision it is the winner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from math import inf

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.registry.claiming import COLLISION
from globaldns.registry.claims import Claims
from globaldns.registry.numbering import Numbering
from globaldns.registry.views import Views

_NONE: Mapping[Address, float] = {}


class FormerVips:
    """Those of all hosts, as they were found when each host was looked at last."""

    def __init__(self, views: Views, claims: Claims, numbering: Numbering) -> None:
        self._views = views
        self._claims = claims
        self._numbering = numbering
        self._ends: dict[Host, Mapping[Address, float]] = {}
        """When each ceases to be one; infinite while a claim of it stands."""
        self._hosts: dict[Address, Host] = {}
        self._due: list[tuple[float, Host]] = []

    def find(self, host: Host, vips: tuple[Address, ...], now: int) -> tuple[Address, ...]:
        """Return those of a host that has ``vips``, IPv4 first."""
        ends = self._find(host, vips, now)
        known = self._ends.get(host, _NONE)
        if ends != known:
            self._note(host, known, ends)
        return tuple(sorted(ends, key=lambda vip: (len(vip), vip)))

    def forget(self, host: Host) -> None:
        """Forget those of a host that nobody exports."""
        if host in self._ends:
            self._note(host, self._ends[host], _NONE)

    def displaced(self, hosts: Iterable[Host]) -> set[Host]:
        """Return the hosts of which some others hold, or claim, a former VIP by now."""
        if not self._hosts:
            return set()
        claims = (claim for host in hosts for claim in self._numbering.all_of_host(host))
        return {
            self._hosts[claim.vip]
            for claim in claims
            if self._hosts.get(claim.vip, claim.host) != claim.host
        }

    @property
    def next_end(self) -> int | None:
        """When the next ceases to be one."""
        return int(self._due[0][0]) if self._due else None

    def end(self, now: int) -> set[Host]:
        """Return the hosts of which some have ceased to be, to be looked at again."""
        hosts = set()
        while self._due and self._due[0][0] <= now:
            hosts.add(heappop(self._due)[1])
        return hosts

    def _find(self, host: Host, vips: tuple[Address, ...], now: int) -> Mapping[Address, float]:
        claims = self._numbering.all_of_host(host)
        if all(claim.vip in vips for claim in claims):  # as almost always
            return _NONE
        others = {claim.vip for claim in claims} - {*vips}
        ends = {vip: self._end_of(host, vip) for vip in others}
        return {vip: end for vip, end in ends.items() if end > now}

    def _end_of(self, host: Host, vip: Address) -> float:
        """Return when a VIP ceases, or ceased, to be a former one of a host; 0: it never was."""
        if self._claims.holder(vip) is not None:
            return 0
        claims = self._numbering.all_of_vip(vip)
        mine = [claim for claim in claims if claim.host == host]
        if any(claim.kind is ClaimKind.PINNED and not claim.is_retired for claim in mine):
            return 0  # a pin that lost, and never was answered as far as is known
        retired_at = max(self._ends_of_claims(mine), default=0)
        others = (claim for claim in claims if claim.host != host)
        if any(self._end_of_claim(claim) >= retired_at for claim in others):
            return 0  # another host had it since, or wanted it
        return retired_at + self._views.settings.overlap if retired_at else 0

    def _ends_of_claims(self, mine: Iterable[Claim]) -> Iterator[float]:
        return (self._end_of_claim(claim) for claim in mine if claim.reason != COLLISION)

    def _end_of_claim(self, claim: Claim) -> float:
        """Return when it was retired; infinite: it stands; 0: it counts for nothing."""
        if claim.retired_at is not None:
            return claim.retired_at
        return 0 if self._claims.is_void(claim) else inf

    def _note(
        self, host: Host, known: Mapping[Address, float], ends: Mapping[Address, float]
    ) -> None:
        for vip in known.keys() - ends.keys():
            if self._hosts.get(vip) == host:
                del self._hosts[vip]
        self._hosts.update(dict.fromkeys(ends, host))
        if ends:
            self._ends[host] = ends
        else:
            del self._ends[host]
        for end in {*ends.values()} - {*known.values(), inf}:
            heappush(self._due, (end, host))
