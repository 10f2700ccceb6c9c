"""The addresses of a gateway's name: looked up again as its TTL says, and kept while that fails."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from globaldns.config.gateways import find_fault

MIN_SECONDS = 5
"""A load balancer says 60; a TTL of 0 is no reason to ask without a pause."""
MAX_SECONDS = 3600
"""Above an hour a mistake outlives its repair."""
MAX_FAILED_SECONDS = 60
"""The longest pause after failures: what is repaired is to be known within a minute."""
MAX_ADDRESSES = 16
"""Addresses of a name that are used, and probed each; the largest load balancers answer eight."""

_MAX_DOUBLINGS = 4


class Naming(msgspec.Struct, frozen=True, gc=False):
    """What is known of one name."""

    addresses: tuple[str, ...] = ()
    """Sorted; the last that it had."""
    wait: float = 0.0
    """Seconds until it is looked up again."""
    reason: str = ""
    """Why it cannot be looked up; empty: it can."""
    failures: int = 0
    """In a row."""
    left_out: tuple[str, ...] = ()
    """Why addresses of the last answer are none of a gateway, one by one."""

    @property
    def is_tried(self) -> bool:
        """Whether it was looked up in this run, in vain or not."""
        return self.wait > 0

    def answered(self, addresses: frozenset[str], ttl: int, pools: Iterable[str] = ()) -> Naming:
        """Return it after an answer; ``ttl`` is the smallest of the records that led there.

        Addresses at which no gateway can be, those of our own ``pools`` (CIDRs) among them, are
        left out; an answer of nothing else is a failure.
        """
        ranges, ordered = tuple(pools), sorted(addresses)
        faults = {one: fault for one in ordered if (fault := find_fault(one, ranges))}
        left_out = tuple(faults.values())[:MAX_ADDRESSES]
        kept = tuple(one for one in ordered if one not in faults)[:MAX_ADDRESSES]
        if left_out and not kept:
            return self.failed(f"no gateway is there: {', '.join(left_out)}")
        wait = float(min(max(ttl, MIN_SECONDS), MAX_SECONDS))
        return Naming(kept, wait, left_out=left_out)

    def failed(self, reason: str) -> Naming:
        """Return it after a failure, that there is no such name among them."""
        wait = min(MIN_SECONDS * 2 ** min(self.failures, _MAX_DOUBLINGS), MAX_FAILED_SECONDS)
        return Naming(self.addresses, float(wait), reason, self.failures + 1)
