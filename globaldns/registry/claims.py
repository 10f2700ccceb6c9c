"""The set of all claims, and who holds what by it, kept up to date change by change.

A change touches the hosts and VIPs that unretired claims join with it, step by step, and no others;
for those ``holders`` is computed again. Retired claims join nothing: all they can do is make
another claim of their own VIP void, and of a VIP that is touched all claims are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, KeysView
from math import inf
from typing import TypeVar

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.registry.holders import holders, is_taken, standing_claims

_NO_CLAIMS: tuple[Claim, ...] = ()
_Key = TypeVar("_Key", Host, Address)


class Claims:
    """Every claim that is known, by host and by VIP.

    ``counts`` says whether a claim is listened to; one that is not is kept all the same.
    """

    def __init__(self, counts: Callable[[Claim], bool]) -> None:
        self._counts = counts
        self._of_host: dict[Host, tuple[Claim, ...]] = {}
        self._of_vip: dict[Address, tuple[Claim, ...]] = {}
        self._held: dict[Host, tuple[Claim, ...]] = {}
        self.pinned: set[Host] = set()
        """The hosts that have, or had, a pinned claim."""
        self.newest = 0
        """The newest date in any claim."""

    def __iter__(self) -> Iterator[Claim]:
        """All claims."""
        for claims in self._of_host.values():
            yield from claims

    def __len__(self) -> int:
        return sum(map(len, self._of_host.values()))

    @property
    def hosts(self) -> KeysView[Host]:
        """The hosts that have any claim."""
        return self._of_host.keys()

    @property
    def vips(self) -> Collection[Address]:
        """The VIPs that have any claim."""
        return self._of_vip.keys()

    def of_host(self, host: Host) -> tuple[Claim, ...]:
        """Return all claims of a host."""
        return self._of_host.get(host, _NO_CLAIMS)

    def of_vip(self, vip: Address) -> tuple[Claim, ...]:
        """Return all claims of a VIP."""
        return self._of_vip.get(vip, _NO_CLAIMS)

    def of_cluster(self, cluster: str) -> list[Claim]:
        """Return all claims of a cluster; looks at every claim."""
        return [claim for claim in self if claim.cluster == cluster]

    def hosts_of_cluster(self, cluster: str) -> set[Host]:
        """Return the hosts that a cluster claims anything for now; looks at every claim."""
        return {claim.host for claim in self.of_cluster(cluster) if not claim.is_retired}

    def held(self, host: Host) -> tuple[Claim, ...]:
        """Return the claims by which a host has its VIPs, one for each, IPv4 first."""
        return self._held.get(host, _NO_CLAIMS)

    def holder(self, vip: Address) -> Claim | None:
        """Return the claim by which a VIP stands for its host."""
        for claim in self._of_vip.get(vip, _NO_CLAIMS):
            if claim.retired_at is None:
                for held in self._held.get(claim.host, _NO_CLAIMS):
                    if held.vip == vip:
                        return held
        return None

    def is_pinned(self, host: Host) -> bool:
        """Whether a host has a pinned claim that counts and is not retired."""
        return self.has_pin(self._of_host.get(host, _NO_CLAIMS))

    def has_pin(self, claims: Iterable[Claim]) -> bool:
        """Whether any of some claims is pinned, counts, and is not retired."""
        for claim in claims:
            if claim.kind is ClaimKind.PINNED and claim.retired_at is None and self._counts(claim):
                return True
        return False

    def is_news(self, claim: Claim) -> bool:
        """Whether uniting with a claim would change anything."""
        known = find(self.of_host(claim.host), claim)
        return known is None or known.merge(claim) != known

    def winners(self, claims: Iterable[Claim]) -> dict[Host, tuple[Claim, ...]]:
        """Return by which of some claims hosts would have their VIPs if there were no others."""
        held: dict[Host, list[Claim]] = {}
        for winner in holders(filter(self._counts, claims)).values():
            held.setdefault(winner.host, []).append(winner)
        return {host: tuple(sorted(mine, key=_answer_order)) for host, mine in held.items()}

    def is_void(self, claim: Claim) -> bool:
        """Whether a claim can never be taken."""
        return claim not in standing_claims(filter(self._counts, self.of_vip(claim.vip)))

    def would_be_void(self, host: Host, vip: Address, at: int) -> bool:
        """Whether a given claim of that date would be void."""
        ends: dict[Host, float] = {}
        for claim in standing_claims(filter(self._counts, self.of_vip(vip))):
            if (claim.allocated_at, claim.host) < (at, host):
                end = inf if claim.retired_at is None else claim.retired_at
                ends[claim.host] = max(ends.get(claim.host, 0), end)
        return is_taken(ends, host, at)

    def add(self, claims: Iterable[Claim]) -> set[Host]:
        """Unite with more claims; return the hosts for which anything is different."""
        changed = [claim for claim in claims if self._unite(claim)]
        return self._settle(changed)

    def discard(self, claims: Iterable[Claim]) -> set[Host]:
        """Forget claims that their own ledger does not have; return the hosts concerned."""
        gone = [claim for claim in claims if self._forget(claim)]
        return self._settle(gone)

    def recount(self, counts: Callable[[Claim], bool]) -> None:
        """Compute everything again, with another opinion on which claims are listened to."""
        self._counts = counts
        self._held = {}
        self._settle(list(self))

    def _unite(self, claim: Claim) -> bool:
        self.newest = max(self.newest, claim.allocated_at, claim.retired_at or 0)
        host, vip = claim.host, claim.vip
        if claim.kind is ClaimKind.PINNED:
            self.pinned.add(host)
        mine = self._of_host.get(host)
        rivals = self._of_vip.get(vip)
        if mine is None and rivals is None:  # the usual one: one object serves both indexes
            self._of_host[host] = self._of_vip[vip] = (claim,)
            return True
        known = find(mine or (), claim)
        if known is None:
            self._of_host[host] = (*(mine or ()), claim)
            self._of_vip[vip] = self._of_host[host] if mine == rivals else (*(rivals or ()), claim)
            return True
        united = known.merge(claim)
        if united == known:
            return False
        self._of_host[host] = _swap(self._of_host[host], known, united)
        self._of_vip[vip] = _swap(self._of_vip[vip], known, united)
        return True

    def _forget(self, claim: Claim) -> bool:
        known = find(self.of_host(claim.host), claim)
        if known is None:
            return False
        _drop(self._of_host, claim.host, known)
        _drop(self._of_vip, claim.vip, known)
        return True

    def _settle(self, changed: list[Claim]) -> set[Host]:
        hosts: set[Host] = set()
        vips: set[Address] = set()
        for claim in changed:
            if claim.host in hosts and claim.vip in vips:
                continue
            if self._of_vip.get(claim.vip) == (claim,) == self._of_host.get(claim.host):
                self._settle_single(claim)
                hosts.add(claim.host)
            else:
                self._settle_component(claim, hosts, vips)
        return hosts

    def _settle_single(self, claim: Claim) -> None:
        """A host and a VIP that have this one claim and no other."""
        if claim.retired_at is None and self._counts(claim):
            self._held[claim.host] = self._of_host[claim.host]
        else:
            self._held.pop(claim.host, None)

    def _settle_component(self, claim: Claim, all_hosts: set[Host], all_vips: set[Address]) -> None:
        hosts, vips = self._component(claim)
        all_hosts |= hosts
        all_vips |= vips
        concerned = [c for vip in vips for c in self._of_vip.get(vip, _NO_CLAIMS)]
        held = self.winners(concerned)
        for host in hosts:
            if host in held:
                self._held[host] = held[host]
            else:
                self._held.pop(host, None)

    def _component(self, claim: Claim) -> tuple[set[Host], set[Address]]:
        """Return what unretired claims join with a claim's host and VIP."""
        hosts, vips = {claim.host}, {claim.vip}
        new: list[Host] = [claim.host]
        new += self._join(claim.vip, hosts)
        while new:
            for mine in self._of_host.get(new.pop(), _NO_CLAIMS):
                if mine.retired_at is None and mine.vip not in vips:
                    vips.add(mine.vip)
                    new += self._join(mine.vip, hosts)
        return hosts, vips

    def _join(self, vip: Address, hosts: set[Host]) -> list[Host]:
        joined = {c.host for c in self._of_vip.get(vip, _NO_CLAIMS) if c.retired_at is None} - hosts
        hosts |= joined
        return list(joined)


def find(claims: Iterable[Claim], claim: Claim) -> Claim | None:
    """Return another reading of the same claim; equal to comparing their keys, and cheaper."""
    for known in claims:
        if (
            known.vip == claim.vip
            and known.allocated_at == claim.allocated_at
            and known.cluster == claim.cluster
            and known.kind is claim.kind
            and known.host == claim.host
        ):
            return known
    return None


def _swap(claims: tuple[Claim, ...], old: Claim, new: Claim) -> tuple[Claim, ...]:
    return tuple(new if claim is old else claim for claim in claims)


def _drop(index: dict[_Key, tuple[Claim, ...]], key: _Key, claim: Claim) -> None:
    left = tuple(other for other in index[key] if other is not claim)
    if left:
        index[key] = left
    else:
        del index[key]


def _answer_order(claim: Claim) -> tuple[int, Address]:
    return (len(claim.vip), claim.vip)
