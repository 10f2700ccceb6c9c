"""Whether an address of a gateway counts as up, by the probes of it: no single one decides.

::

                 success
    unknown ─────────────────► up ◄──────────┐
       │                        │            │ RISE successes in a row
       │ FALL failures in a row │ the same   │
       └───────────────────► down ───────────┘
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from globaldns.model.reach import GatewayState

FALL = 3
"""Failures in a row: two lost connection attempts happen on any network."""
RISE = 2
"""Successes in a row: a gateway that is just starting answers once and fails again."""


class Health(msgspec.Struct, frozen=True, gc=False):
    """What the probes of one address say so far; times are Unix seconds."""

    state: GatewayState = GatewayState.UNKNOWN
    since: int = 0
    """When the state changed last; 0: it never did."""
    reason: str = ""
    """Why it is down: that of the last failure."""
    failures: int = 0
    """In a row, until now."""
    successes: int = 0
    """In a row, until now."""
    turn: int = 0
    """How many probes failed in all: what fails is tried in another way the next time."""

    def succeeded(self, now: int) -> Health:
        """Return it after a probe that was answered."""
        successes = self.successes + 1
        is_risen = self.state is GatewayState.UNKNOWN or (
            self.state is GatewayState.DOWN and successes >= RISE
        )
        seen = msgspec.structs.replace(self, failures=0, successes=min(successes, RISE))
        if not is_risen:
            return seen
        return msgspec.structs.replace(seen, state=GatewayState.UP, since=now, reason="")

    def failed(self, reason: str, now: int) -> Health:
        """Return it after a probe that failed."""
        failures = min(self.failures + 1, FALL)
        seen = msgspec.structs.replace(
            self, failures=failures, successes=0, turn=(self.turn + 1) % _TURNS
        )
        if self.state is GatewayState.DOWN:
            return msgspec.structs.replace(seen, reason=reason)
        if failures < FALL:
            return seen
        return msgspec.structs.replace(seen, state=GatewayState.DOWN, since=now, reason=reason)


def summarise(addresses: Collection[Health]) -> Health:
    """Return the state of a gateway by that of its addresses, with when and why the last took it.

    It is up if one of them is, and down if all are.
    """
    states = {one.state for one in addresses}
    ranked = (GatewayState.UP, GatewayState.UNKNOWN, GatewayState.DOWN)
    state = next((state for state in ranked if state in states), GatewayState.UNKNOWN)
    known = [one for one in addresses if one.state is state]
    last = max(known, key=lambda one: one.since, default=Health())
    return Health(state, last.since, last.reason)


_TURNS = 1 << 20
"""Where the count of turns begins anew."""
