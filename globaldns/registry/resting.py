"""Retired claims that count for nothing, but of VIPs that clients may still know: they rest.

We claimed for a cluster that claims for itself now, or took its claim from a ledger that does not
hold it any more. No other cluster knows of it, so it has no part in what all agree on; but until
the quarantine is over nobody is given such a VIP. Our ledger keeps them over a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from typing import TypeVar

from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.host import Host

_NO_CLAIMS: frozenset[Claim] = frozenset()
_Key = TypeVar("_Key", Host, Address)


class Resting:
    """Such claims, by VIP and by host."""

    def __init__(self) -> None:
        self._of_vip: dict[Address, frozenset[Claim]] = {}
        self._of_host: dict[Host, frozenset[Claim]] = {}

    def __bool__(self) -> bool:
        return bool(self._of_vip)

    def __contains__(self, claim: Claim) -> bool:
        """Whether a claim is one of them."""
        return claim in self.of_vip(claim.vip)

    def __iter__(self) -> Iterator[Claim]:
        """All of them."""
        for claims in self._of_vip.values():
            yield from claims

    @property
    def vips(self) -> KeysView[Address]:
        """Their VIPs."""
        return self._of_vip.keys()

    def of_vip(self, vip: Address) -> frozenset[Claim]:
        """Return those of a VIP."""
        return self._of_vip.get(vip, _NO_CLAIMS)

    def of_host(self, host: Host) -> frozenset[Claim]:
        """Return those of a host."""
        return self._of_host.get(host, _NO_CLAIMS)

    def add(self, claim: Claim) -> None:
        """Take one in."""
        self._of_vip[claim.vip] = self.of_vip(claim.vip) | {claim}
        self._of_host[claim.host] = self.of_host(claim.host) | {claim}

    def forget(self, claims: Iterable[Claim]) -> None:
        """Forget other readings of these claims: they expired, or their cluster makes them."""
        for claim in claims:
            _drop(self._of_vip, claim.vip, claim)
            _drop(self._of_host, claim.host, claim)


def _drop(index: dict[_Key, frozenset[Claim]], key: _Key, claim: Claim) -> None:
    known = index.get(key, _NO_CLAIMS)
    left = frozenset(one for one in known if one.key != claim.key)
    if left:
        index[key] = left
    elif known:
        del index[key]
