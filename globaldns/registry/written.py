"""The claims as our ledger has them: what is answered stands on nothing else.

Of what is decided and on its way to the ledger, a new claim is not there yet, and one that is
retired still stands. So nobody loses a VIP to a claim that may never be written.
"""

from __future__ import annotations

from collections.abc import Iterable

from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.registry.claims import Claims
from globaldns.registry.unwritten import Unwritten


class WrittenClaims:
    """Who holds what by the claims that are written."""

    def __init__(self, claims: Claims, unwritten: Unwritten) -> None:
        self._claims = claims
        self._unwritten = unwritten

    def of_host(self, host: Host) -> tuple[Claim, ...]:
        """Return all claims of a host that are written, as they are."""
        claims = self._claims.of_host(host)
        return tuple(self._as_written(claims)) if host in self._unwritten else claims

    def lacks(self, host: Host) -> bool:
        """Whether a host has claims, and none of them is written."""
        pending = self._unwritten.of_host(host)
        if not pending or len(pending) != len(self._claims.of_host(host)):
            return False
        return not any(map(self._unwritten.written, pending))

    def held(self, host: Host) -> tuple[Claim, ...]:
        """Return the claims by which a host has its VIPs, one for each, IPv4 first."""
        claims, pending = self._claims, self._unwritten.hosts
        if not pending or (host not in pending and self._is_alone(host)):  # as almost always
            return claims.held(host)
        vips = {c.vip for one in self.joined({host}) for c in claims.of_host(one) if self._joins(c)}
        concerned = [claim for vip in vips for claim in claims.of_vip(vip)]
        if pending.isdisjoint(claim.host for claim in concerned):
            return claims.held(host)
        return claims.winners(self._as_written(concerned)).get(host, ())

    def holder(self, vip: Address) -> Claim | None:
        """Return the claim by which a VIP stands for its host."""
        for claim in self._claims.of_vip(vip):
            if self._joins(claim):
                for held in self.held(claim.host):
                    if held.vip == vip:
                        return held
        return None

    def is_pinned(self, host: Host) -> bool:
        """Whether a host has a pinned claim that counts and is not retired."""
        return self._claims.has_pin(self.of_host(host))

    def hosts_of_cluster(self, cluster: str) -> set[Host]:
        """Return the hosts that a cluster claims anything for, now or as it is written."""
        former = (one for one in self._unwritten.former if not one.is_retired)
        return self._claims.hosts_of_cluster(cluster).union(
            claim.host for claim in former if claim.cluster == cluster
        )

    def joined(self, hosts: set[Host]) -> set[Host]:
        """Return some hosts with all whose VIPs depend on theirs, now or once all is written.

        Where nothing is on its way the two are the same, and so is the set.
        """
        if not self._unwritten.hosts:
            return hosts
        joined, new = {*hosts}, [*(hosts & self._claims.hosts)]
        while new:
            one = new.pop()
            for mine in () if self._is_alone(one) else self._claims.of_host(one):
                if self._joins(mine):
                    rivals = self._claims.of_vip(mine.vip)
                    found = {c.host for c in rivals if self._joins(c)} - joined
                    joined |= found
                    new += found
        return joined

    def concerned(self, claims: Iterable[Claim]) -> set[Host]:
        """Return the hosts for which it may matter whether some claims are written."""
        vips = {claim.vip for claim in claims}
        return self.joined({claim.host for vip in vips for claim in self._claims.of_vip(vip)})

    def _is_alone(self, host: Host) -> bool:
        """Whether all claims of a host are those of one VIP, told cheaply: they are one object."""
        own = self._claims.of_host(host)
        return not own or self._claims.of_vip(own[0].vip) is own

    def _as_written(self, claims: Iterable[Claim]) -> Iterable[Claim]:
        return filter(None, map(self._unwritten.written, claims))

    def _joins(self, claim: Claim) -> bool:
        """Whether a claim is unretired, or is so as it is written."""
        if claim.retired_at is None:
            return True
        written = self._unwritten.written(claim)
        return written is not None and written.retired_at is None
