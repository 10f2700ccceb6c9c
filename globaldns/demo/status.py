"""How a box is, of what each of its clusters says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from globaldns.demo.plan import GATEWAYS, SERVICES, WORKLOADS, ZONE, Speech
from globaldns.demo.words import HostStatus, Status, UnitStatus
from globaldns.errors import RequestRefused
from globaldns.model.address import is_address

_LAST_PORT = 65535


class Target(msgspec.Struct, frozen=True):
    """What a person wants to call."""

    host: str
    port: int
    speech: Speech


class _Listed(msgspec.Struct):
    names: tuple[str, ...]
    vips: tuple[str, ...]
    clusters: tuple[str, ...]


class _Page(msgspec.Struct):
    items: list[_Listed]


class _Digest(msgspec.Struct):
    zone: str
    vips: str


def find_target(text: str, hosts: Iterable[HostStatus] = ()) -> Target:
    """Return what a host means, with or without the zone and with its port where one is named.

    A host that the box does not know is asked for all the same: its globaldns says what it is. A
    VIP is called as it is, as the service whose it is by ``hosts``.

    Raises:
        RequestRefused: the port is none.
    """
    host, _, port = text.lower().partition(":")
    if port and not (port.isdecimal() and 0 < int(port) <= _LAST_PORT):
        raise RequestRefused(f"{port!r} is no port", hint="write HOST, or HOST:PORT")
    host = host.rstrip(".")
    name = next((one.host for one in hosts if host in chain(*one.vips.values())), host)
    if not is_address(host):
        host = name = host if host.endswith(f".{ZONE}") else f"{host}.{ZONE}"
    known = next((one for one in SERVICES if one.host == name), None)
    own, speech = (known.port, known.speech) if known else (80, Speech.HTTP)
    return Target(host, int(port or own), speech)


def merge_hosts(listings: Mapping[str, str]) -> tuple[HostStatus, ...]:
    """Return the hosts of what each cluster lists, as JSON; empty: it does not answer."""
    exporters: dict[str, set[str]] = {}
    vips: dict[str, dict[str, tuple[str, ...]]] = {}
    for cluster, body in listings.items():
        for one in msgspec.json.decode(body, type=_Page).items if body else ():
            for name in one.names:
                exporters.setdefault(name, set()).update(one.clusters)
                if one.vips:
                    vips.setdefault(name, {})[cluster] = one.vips
    return tuple(
        HostStatus(name, tuple(sorted(exporters[name])), vips.get(name, {}))
        for name in sorted(exporters)
    )


def read_digest(body: str) -> str:
    """Return what a cluster says that it serves; empty: nothing."""
    if not body:
        return ""
    found = msgspec.json.decode(body, type=_Digest)
    return f"{found.zone}/{found.vips}"


def find_units(
    is_up: Callable[[str], bool],
) -> tuple[tuple[UnitStatus, ...], tuple[UnitStatus, ...]]:
    """Return gateways and workloads with an Envoy, by whether that runs."""
    gateways = (UnitStatus(one.name, one.cluster, one.address, is_up(one.name)) for one in GATEWAYS)
    pods = (
        UnitStatus(one.name, one.cluster, one.address, is_up(one.name))
        for one in WORKLOADS
        if one.is_mutual
    )
    return tuple(gateways), tuple(pods)


def describe_changes(old: Status, new: Status) -> Iterator[str]:
    """Yield a line for each difference."""
    if new.phase != old.phase:
        yield new.phase or "ready"
    yield from _describe_hosts(old, new)
    yield from _describe_units("gateway", old.gateways, new.gateways)
    yield from _describe_units("pod", old.pods, new.pods)
    yield from (f"cut: {' - '.join(pair)}" for pair in new.cuts if pair not in old.cuts)
    yield from (f"joined: {' - '.join(pair)}" for pair in old.cuts if pair not in new.cuts)
    if new.trouble not in {"", old.trouble}:
        yield f"a ledger is not shown: {new.trouble}"
    if new.is_agreed != old.is_agreed:
        yield f"the clusters {'' if new.is_agreed else 'do not '}serve the same"


def _describe_hosts(old: Status, new: Status) -> Iterator[str]:
    before = {one.host: one for one in old.hosts}
    for host in new.hosts:
        if host.vips and host != before.get(host.host):
            answers = " ".join(f"{c}={','.join(vips)}" for c, vips in sorted(host.vips.items()))
            yield f"{host.host} of {','.join(host.exporters)}: {answers}"


def _describe_units(
    what: str, old: Iterable[UnitStatus], new: Iterable[UnitStatus]
) -> Iterator[str]:
    """Yield a line for each that is up or down now; at first all count as down."""
    known = {one.name: one.is_up for one in old}
    for one in new:
        if one.is_up != known.get(one.name, False):
            yield f"{what} {one.name} of {one.cluster}: {'up' if one.is_up else 'down'}"
