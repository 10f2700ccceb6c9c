"""What becomes of what a cluster offers that has gone quiet, as people chose it.

Seconds count from the last proof of contact. 0 is as soon as the cluster is lost, None is never;
nothing comes to pass before that.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

LOST_AFTER = 60
"""Seconds without contact after which a cluster is lost, where nothing else is written."""


class Standing(StrEnum):
    """How the endpoints of one cluster count for a service."""

    COUNTED = "counted"
    DEMOTED = "demoted"
    """After those of all other clusters."""
    DROPPED = "dropped"
    """Not at all."""


class LostNames(msgspec.Struct, frozen=True, gc=False):
    """When a cluster's exports cease to count."""

    expire: int | None = None


class LostEndpoints(msgspec.Struct, frozen=True, gc=False):
    """When a cluster's endpoints come last, and when they cease to count."""

    demote: int | None = None
    expire: int | None = None


class LostPolicy(msgspec.Struct, frozen=True, gc=False):
    """What a person wrote for one service; None: as the cluster's rules say."""

    names: LostNames | None = None
    endpoints: LostEndpoints | None = None


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What has become of one cluster's export of one host."""

    is_dropped: bool = False
    """Whether it ceased to count: for the name, its ports and its endpoints."""
    endpoints: Standing = Standing.COUNTED


UNTOUCHED = Fate()
"""That of a cluster that is not lost."""


class LostRules(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a cluster's exports once it is lost."""

    after: int = LOST_AFTER
    """Seconds without contact after which it is."""
    names: LostNames = LostNames()
    endpoints: LostEndpoints = LostEndpoints(demote=0)

    def overruled(self, policy: LostPolicy) -> LostRules:
        """Return the rules for a service of which a person wrote something."""
        return LostRules(self.after, policy.names or self.names, policy.endpoints or self.endpoints)

    def ages(self) -> Iterator[int]:
        """Yield the ages of a view beyond which something is different."""
        yield self.after
        for age in (self.names.expire, self.endpoints.demote, self.endpoints.expire):
            if age is not None:
                yield max(age, self.after)

    def fate(self, passed: int) -> Fate:
        """Return what has become of an export; ``passed`` is the last of the ages behind it."""

        def is_over(age: int | None) -> bool:
            return age is not None and max(age, self.after) <= passed

        standing = Standing.COUNTED
        if is_over(self.endpoints.demote):
            standing = Standing.DEMOTED
        if is_over(self.endpoints.expire):
            standing = Standing.DROPPED
        return Fate(is_over(self.names.expire), standing)
