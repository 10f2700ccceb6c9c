"""What GlobalServices say of lost clusters; of two for one host the older decides."""

from __future__ import annotations

from collections.abc import KeysView

import msgspec

from globaldns.model.export import Origin
from globaldns.model.host import Host
from globaldns.model.lost import LostPolicy
from globaldns.model.view import Policy

_NOTHING: tuple[Overrule, ...] = ()


class Overrule(msgspec.Struct, frozen=True, gc=False):
    """What one cluster's GlobalService says."""

    cluster: str
    host: Host
    origin: Origin
    created_at: int | None
    lost: LostPolicy

    @property
    def age_key(self) -> tuple[float, str, str, str]:
        """Sort key of "older": creation time (None last), cluster, namespace, name."""
        created = float("inf") if self.created_at is None else self.created_at
        return (created, self.cluster, self.origin.namespace, self.origin.name)


class Overrules:
    """All of them that count, by host."""

    def __init__(self) -> None:
        self._of_host: dict[Host, tuple[Overrule, ...]] = {}
        self._policies: frozenset[LostPolicy] | None = frozenset()

    @property
    def hosts(self) -> KeysView[Host]:
        """The hosts for which anything is written."""
        return self._of_host.keys()

    @property
    def policies(self) -> frozenset[LostPolicy]:
        """All that is written, for whichever host; the same object while nothing changes."""
        if self._policies is None:
            self._policies = frozenset(found[0].lost for found in self._of_host.values())
        return self._policies

    def of_host(self, host: Host) -> tuple[Overrule, ...]:
        """Return what is written for a host, oldest first."""
        return self._of_host.get(host, _NOTHING)

    def put(self, cluster: str, host: Host, policy: Policy | None) -> None:
        """Take what a cluster's GlobalService says; None: there is none that counts."""
        is_said = policy is not None and policy.lost is not None
        if not is_said and host not in self._of_host:  # as almost always
            return
        found = [one for one in self.of_host(host) if one.cluster != cluster]
        if policy is not None and policy.lost is not None:
            found.append(Overrule(cluster, host, policy.origin, policy.created_at, policy.lost))
        self._policies = None
        if found:
            self._of_host[host] = tuple(sorted(found, key=lambda one: one.age_key))
        else:
            self._of_host.pop(host, None)

    def clear(self) -> None:
        """Forget everything."""
        self._of_host.clear()
        self._policies = None
