"""What an export depends on besides its own object."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeVar

from msgspec import Struct

from globaldns.exports.rules import ExportRules

_Value = TypeVar("_Value", bound=Hashable)


class Shared:
    """Equal values as one value: ports and labels of 100,000 services are mostly the same.

    It forgets all when full, so that a cluster which never repeats itself costs no memory; the
    values that are in use stay with their users.
    """

    MAX_VALUES = 65_536

    def __init__(self) -> None:
        self._values: dict[Any, Any] = {}

    def share(self, value: _Value) -> _Value:
        """Return the first value that was equal to this one."""
        if len(self._values) >= self.MAX_VALUES:
            self._values.clear()
        known: _Value = self._values.setdefault(value, value)
        return known


class Context(Struct, frozen=True, kw_only=True):
    """A cluster's rules, and what its other objects say about all exports."""

    rules: ExportRules
    shared: Shared
    network: str
    """Of endpoints that name none; empty: unknown."""
    gateways: frozenset[str]
    """Addresses of all gateways that are known, of this cluster and of others."""
