"""Builders for registries, exports and claims; times are small numbers of seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from globaldns.model.address import Address, Prefix, parse_address, parse_prefix
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.export import Export, ExportKind, Origin, Port, Resolution
from globaldns.model.host import Host
from globaldns.model.lost import LostPolicy, LostRules
from globaldns.model.service import Service
from globaldns.model.view import ClaimSet, Freshness, Policy, Reset, SourceState, View
from globaldns.registry.delta import Delta
from globaldns.registry.registry import Registry
from globaldns.registry.settings import ClusterRules, RegistrySettings

NO_LEDGER = ClaimSet()
QUARANTINE = 1000
TTL = 5
FAR = 10**6
NEVER_LOST = LostRules(after=FAR)
"""For tests of what time does otherwise."""
HTTP = (Port(80, "http", "HTTP"),)
A, B = Host("a.ns"), Host("b.ns")


def vip(text: str) -> Address:
    return parse_address(text)


def prefix(text: str) -> Prefix:
    return parse_prefix(text)


def settings(
    cluster: str = "east",
    clusters: Iterable[str] = ("east", "west"),
    *,
    pools: Sequence[str] = ("240.128.0.0/24",),
    reserved: Sequence[str] = (),
    pins: Sequence[str] = ("240.0.0.0/4",),
    fenced: Iterable[str] = (),
    zones: tuple[str, ...] = ("global",),
    lost: LostRules = NEVER_LOST,
) -> RegistrySettings:
    return RegistrySettings(
        cluster=cluster,
        clusters={name: ClusterRules(fenced=name in fenced, lost=lost) for name in clusters},
        zones=zones,
        pools=tuple(map(parse_prefix, pools)),
        reserved=tuple(map(parse_prefix, reserved)),
        pins=tuple(map(parse_prefix, pins)),
        quarantine=QUARANTINE,
        largest_ttl=TTL,
    )


def export(
    host: str,
    cluster: str = "east",
    *,
    pins: Sequence[str] = (),
    created_at: int | None = 1,
    ports: tuple[Port, ...] = HTTP,
    resolution: Resolution = Resolution.STATIC,
    zones: tuple[str, ...] = (),
    local: Sequence[str] = (),
    kind: ExportKind = ExportKind.SERVICE_ENTRY,
) -> Export:
    return Export(
        cluster=cluster,
        host=Host(host),
        kind=kind,
        origin=Origin("ServiceEntry", host.rpartition(".")[2], host.partition(".")[0]),
        created_at=created_at,
        zones=zones,
        ports=ports,
        pins=tuple(map(vip, pins)),
        local_addresses=tuple(map(vip, local)),
        resolution=resolution,
    )


def policy(
    host: str, *pins: str, created_at: int | None = 1, lost: LostPolicy | None = None
) -> Policy:
    origin = Origin("GlobalService", host.rpartition(".")[2], host.partition(".")[0])
    return Policy(Host(host), origin, created_at, tuple(map(vip, pins)), lost)


def claim(
    host: str,
    address: str,
    at: int,
    cluster: str = "east",
    *,
    kind: ClaimKind = ClaimKind.GIVEN,
    retired_at: int | None = None,
) -> Claim:
    return Claim(
        Host(host),
        vip(address),
        at,
        cluster,
        kind,
        retired_at,
        "" if retired_at is None else "withdrawn",
    )


def reset(
    cluster: str,
    *exports: Export,
    state: SourceState = SourceState.SYNCED,
    contact: int | None = 1,
    policies: tuple[Policy, ...] = (),
    ledger: ClaimSet = NO_LEDGER,
    zones: tuple[str, ...] = ("global",),
) -> Reset:
    freshness = Freshness(cluster, state, contact, zones=zones)
    return Reset(View(cluster, exports, (), ledger, policies, (), freshness))


def ledger(cluster: str, *claims: Claim, marker: str = "") -> ClaimSet:
    return ClaimSet(Marker(marker or cluster, 0), claims)


def remember(registry: Registry, delta: Delta, now: int) -> Delta:
    """Write what a turn wants written, and publish what waited for it."""
    return registry.acknowledge(delta.claims, now)


def settled(registry: Registry, *changes: Reset, now: int = 10) -> Registry:
    """Give a registry its views, settle it, and remember everything."""
    registry.apply(changes, now)
    remember(registry, registry.settle(now), now)
    while not registry.is_written:
        remember(registry, registry.tick(now), now)
    return registry


def both(*exports: Export) -> Registry:
    """Return a settled registry of two clusters that export these."""
    mine = [one for one in exports if one.cluster == "east"]
    others = [one for one in exports if one.cluster == "west"]
    return settled(Registry(settings()), reset("east", *mine), reset("west", *others))


def partly_refused() -> Registry:
    """Return a settled registry with a fenced cluster, and with a pin outside the ranges."""
    return settled(
        Registry(settings(fenced=["west"])),
        reset("east", export("a.ns"), export("b.ns", pins=["240.0.0.5", "10.0.0.1"])),
        reset("west", export("a.ns", "west")),
    )


def service(registry: Registry, host: str) -> Service:
    return registry.services[Host(host)]
