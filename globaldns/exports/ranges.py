"""What a cluster has given to its Services, Pods and Nodes: no place for a VIP.

Nodes say which ranges their Pods have. Of a Service or a Pod only the address is known: it stands
for the addresses around it, 256 of IPv4 and 65,536 of IPv6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from globaldns.errors import InvalidAddress
from globaldns.model.address import Family, Prefix, parse_address, parse_prefix
from globaldns.objects import Object
from globaldns.objects.kubernetes import Node, Pod, Service

_AROUND = {Family.IPV4: 24, Family.IPV6: 112}
"""Prefix length of what an address of a Service or Pod stands for."""


class Ranges:
    """The ranges that the objects of one cluster use, counted; ``of`` says which an object does."""

    def __init__(self, of: Callable[[Object], set[Prefix]]) -> None:
        self._of = of
        self._users: Counter[Prefix] = Counter()
        self._all: tuple[Prefix, ...] | None = ()

    def add(self, resource: Object) -> None:
        """Take an object; most kinds use no range."""
        for prefix in self._of(resource):
            if not self._users[prefix]:
                self._all = None
            self._users[prefix] += 1

    def discard(self, resource: Object) -> None:
        """Forget an object that was taken."""
        for prefix in self._of(resource):
            self._users[prefix] -= 1
            if not self._users[prefix]:
                del self._users[prefix]
                self._all = None

    def all(self) -> tuple[Prefix, ...]:
        """Return every range, sorted; the same value as long as nothing changes."""
        if self._all is None:
            self._all = tuple(sorted(self._users))
        return self._all


def used_ranges(resource: Object) -> set[Prefix]:
    """Return what an object uses, for whatever."""
    match resource:
        case Service(spec=spec):
            return set(_around(spec.cluster_ip, *spec.cluster_ips))
        case Pod(status=status):
            return set(_around(status.pod_ip, *(one.ip for one in status.pod_ips)))
        case Node(status=status):
            return pod_ranges(resource).union(_read(*(one.address for one in status.addresses)))
        case _:
            return set()


def pod_ranges(resource: Object) -> set[Prefix]:
    """Return what a Node has for its Pods."""
    if isinstance(resource, Node):
        return set(_read(resource.spec.pod_cidr, *resource.spec.pod_cidrs))
    return set()


def _around(*texts: str) -> Iterator[Prefix]:
    for prefix in _read(*texts):
        yield prefix.above(_AROUND[prefix.family])


def _read(*texts: str) -> Iterator[Prefix]:
    """Yield what addresses and prefixes cover; host names and other words are passed over."""
    for text in texts:
        try:
            if "/" in text:
                yield parse_prefix(text)
            elif text:
                address = parse_address(text)
                yield Prefix(address, len(address) * 8)
        except InvalidAddress:
            continue
