"""What the keys of a configuration must be to each other. Pure: the file system is not looked at.

A text that could not be read is empty here, and is passed over: it has its own problem already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from globaldns.config.gateways import check_gateways
from globaldns.config.kinds import Cidr, Pattern
from globaldns.config.probes import check_probes
from globaldns.config.problem import Problem, join
from globaldns.config.routing import EnvoySettings
from globaldns.config.schema import Config, DnsSettings, SourceSettings, VipSettings, Zone
from globaldns.config.special import (
    Network,
    find_special,
    find_special_name,
    is_inside,
    is_touching,
)
from globaldns.config.tls import check_tls
from globaldns.config.values import INSTANCE, MAX_NAME, format_duration

MIN_POOL_SIZE = 4
"""Addresses: the first and the last are never given out."""
REST_PER_TTL = 10
"""A released VIP rests at least so many times the largest TTL: caches may stretch TTLs."""


def check(config: Config) -> tuple[Problem, ...]:
    """Return every problem between keys."""
    return (
        *_check_clusters(config),
        *_check_sources(config),
        *_check_ledger(config),
        *_check_zones(config.zones),
        *_check_allowed_hosts(config),
        *_check_control_planes(config),
        *_check_lost(config),
        *_check_pools(config.vips),
        *_check_reserved(config.vips),
        *_check_pins(config.vips),
        *_check_quarantine(config),
        *_check_listen(config.dns),
        *_check_admin(config),
        *_check_envoy(config.envoy),
        *_check_stub(config),
        *check_gateways(config),
        *check_tls(config),
        *check_probes(config),
    )


def _check_clusters(config: Config) -> Iterator[Problem]:
    if config.cluster and config.clusters and config.cluster not in config.clusters:
        yield Problem(
            "$.cluster",
            f"{config.cluster!r} is none of the clusters",
            f"our own is one of them; listed: {', '.join(config.clusters)}",
        )


def _check_sources(config: Config) -> Iterator[Problem]:
    secrets = config.remote_secrets
    own = config.clusters.get(config.cluster)
    are_secrets_read = secrets.directory is not None or (own is not None and is_api(own.source))
    for cluster, settings in config.clusters.items():
        source = settings.source
        path = join(join("$.clusters", cluster), "source")
        if source.directory is not None and source.kubernetes is not None:
            yield Problem(path, "a directory and an API server", "choose one")
        elif source.directory is None and source.kubernetes is None:
            if cluster == config.cluster:
                yield Problem(path, "is missing", "our own cluster is read by this")
            elif not are_secrets_read:
                yield Problem(path, "is missing", "a directory, or kubernetes: {}")
    if secrets.namespace is not None and own is not None and not is_api(own.source):
        yield Problem(
            "$.remote_secrets.namespace",
            "our own cluster has no API server to read Secrets from",
            f"clusters.{config.cluster}.source: {{kubernetes: {{}}}}, or leave it out",
        )


def is_api(source: SourceSettings) -> bool:
    """Whether a source is an API server that the configuration names."""
    return source.kubernetes is not None


def _check_ledger(config: Config) -> Iterator[Problem]:
    ledger, own = config.vips.ledger, config.clusters.get(config.cluster)
    if ledger.kubernetes is None:
        return
    if ledger.sqlite is not None:
        yield Problem("$.vips.ledger", "two ledgers", "choose sqlite or kubernetes")
    if own is not None and not is_api(own.source):
        yield Problem(
            "$.vips.ledger.kubernetes",
            "our own cluster has no API server to keep it in",
            f"clusters.{config.cluster}.source: {{kubernetes: {{}}}}, or a SQLite file",
        )


def _check_zones(zones: tuple[Zone, ...]) -> Iterator[Problem]:
    for index, zone in enumerate(zones):
        for name in _told_names(zone):
            if found := find_special_name(name):
                special, reason = found
                yield Problem(
                    join("$.zones", index),
                    f"{name!r} would take {special} ({reason}) from the cluster's own DNS",
                    "choose another zone, neither above nor below it, like global",
                )
        for other in zones[:index]:
            if zone.name and (relation := _relate(zone.name, other.name)):
                yield Problem(
                    join("$.zones", index),
                    f"{zone.name!r} {relation} {other.name!r}",
                    "a name must be in one zone only",
                )
        yield from _check_namespaces(zone, join(join("$.zones", index), "namespaces"))


def _check_namespaces(zone: Zone, path: str) -> Iterator[Problem]:
    for index, namespace in enumerate(zone.namespaces):
        if namespace and namespace in zone.namespaces[:index]:
            yield Problem(join(path, index), f"{namespace!r} is listed twice")
        name = f"{INSTANCE}.{namespace}.{zone.name}"
        if len(name) > MAX_NAME:
            yield Problem(
                join(path, index),
                f"{name[:30]}… has {len(name)} octets, a name may have {MAX_NAME}",
                "who answers is said there: choose a shorter namespace, or zone",
            )


def _told_names(zone: Zone) -> Iterator[str]:
    """Yield what of a zone the cluster's DNS is told to ask us for."""
    if zone.name and zone.namespaces:
        yield from (f"{namespace}.{zone.name}" for namespace in zone.namespaces if namespace)
    elif zone.name:
        yield zone.name


def _relate(zone: str, other: str) -> str:
    if not other:
        return ""
    if zone == other:
        return "is listed twice:"
    if zone.endswith(f".{other}"):
        return "lies below"
    return "lies above" if other.endswith(f".{zone}") else ""


def _check_allowed_hosts(config: Config) -> Iterator[Problem]:
    zones = [zone.name for zone in config.zones if zone.name]
    for cluster, settings in config.clusters.items():
        path = join(join(join("$.clusters", cluster), "allow"), "hosts")
        for index, pattern in enumerate(settings.allow.hosts):
            if pattern and zones and not any(_is_matchable(pattern, zone) for zone in zones):
                yield Problem(
                    join(path, index),
                    f"{pattern!r} matches no host of a served zone",
                    f"write it with its zone, like {pattern.rstrip('.')}.{zones[0]}",
                )


def _is_matchable(pattern: Pattern, zone: str) -> bool:
    """Whether a host below a zone could match: what follows the last wildcard decides."""
    tail = re.split(r"[*?]", pattern)[-1]
    if tail == pattern:
        return pattern.endswith(f".{zone}")
    return tail.endswith(f".{zone}") or f".{zone}".endswith(tail)


def _check_lost(config: Config) -> Iterator[Problem]:
    for cluster, settings in config.clusters.items():
        path, lost = join(join("$.clusters", cluster), "lost"), settings.lost
        endpoints = lost.endpoints
        ages = {
            "names.expire": lost.names.expire,
            "endpoints.demote": endpoints.demote,
            "endpoints.expire": endpoints.expire,
        }
        for key, age in ages.items():
            if age and age < lost.after:
                yield Problem(
                    f"{path}.{key}",
                    f"{format_duration(age)} is before the cluster is lost",
                    f"at least {format_duration(lost.after)}, which is lost.after",
                )
        if endpoints.demote and endpoints.expire and endpoints.expire <= endpoints.demote:
            yield Problem(
                f"{path}.endpoints.expire",
                f"{format_duration(endpoints.expire)} is not after demote",
                f"more than {format_duration(endpoints.demote)}, or no demote",
            )


def _check_control_planes(config: Config) -> Iterator[Problem]:
    for cluster, settings in config.clusters.items():
        served_by = settings.control_plane
        if served_by in {None, cluster}:
            continue
        path = join(join("$.clusters", cluster), "control_plane")
        server = config.clusters.get(served_by)
        if server is None:
            yield Problem(path, f"{served_by!r} is no cluster", "name one below clusters")
        elif server.control_plane not in {None, served_by}:
            yield Problem(
                path,
                f"{served_by} is itself served by {server.control_plane}",
                f"name {server.control_plane}, or none",
            )


def _networks(texts: Iterable[Cidr]) -> list[tuple[int, Network]]:
    return [(index, ip_network(text)) for index, text in enumerate(texts) if text]


def _allowed(vips: VipSettings) -> tuple[Network, ...]:
    return tuple(network for _, network in _networks(vips.allow_special))


def _check_pools(vips: VipSettings) -> Iterator[Problem]:
    pools = _networks(vips.pools)
    for position, (index, pool) in enumerate(pools):
        path = join("$.vips.pools", index)
        if pool.num_addresses < MIN_POOL_SIZE:
            yield Problem(path, f"{pool} is too small", f"at least {MIN_POOL_SIZE} addresses")
        if found := find_special(pool, _allowed(vips)):
            special, reason = found
            yield Problem(
                path,
                f"{pool} touches {special} ({reason})",
                "choose another range, or list it in vips.allow_special",
            )
        for _, other in pools[:position]:
            if is_touching(pool, other):
                yield Problem(path, f"{pool} overlaps the pool {other}")


def _check_reserved(vips: VipSettings) -> Iterator[Problem]:
    pools = [pool for _, pool in _networks(vips.pools)]
    for index, reserved in _networks(vips.reserved):
        if pools and not any(is_inside(reserved, pool) for pool in pools):
            yield Problem(
                join("$.vips.reserved", index),
                f"{reserved} lies in no pool",
                f"the pools are {', '.join(map(str, pools))}",
            )


def _check_pins(vips: VipSettings) -> Iterator[Problem]:
    """Pins may span special ranges (240.0.0.0/4 does); one that is nothing else is a mistake."""
    for index, pins in _networks(vips.pins):
        found = find_special(pins, _allowed(vips))
        if found and is_inside(pins, found[0]):
            yield Problem(
                join("$.vips.pins", index),
                f"{pins} lies in {found[0]} ({found[1]})",
                "choose another range, or list it in vips.allow_special",
            )


def _check_quarantine(config: Config) -> Iterator[Problem]:
    least = REST_PER_TTL * max(config.dns.ttl, config.dns.negative_ttl)
    if config.vips.quarantine < least:
        yield Problem(
            "$.vips.quarantine",
            f"{format_duration(config.vips.quarantine)} is shorter than {REST_PER_TTL} times the"
            " largest TTL",
            f"at least {format_duration(least)}, or a smaller dns.ttl and dns.negative_ttl",
        )


def _check_listen(dns: DnsSettings) -> Iterator[Problem]:
    listen = dns.listen or ()
    for index, address in enumerate(listen):
        if address and address in listen[:index] and not address.endswith(":0"):
            yield Problem(join("$.dns.listen", index), f"{address!r} is listed twice")


def _check_admin(config: Config) -> Iterator[Problem]:
    address = config.admin.listen
    if address and address in (config.dns.listen or ()) and not address.endswith(":0"):
        yield Problem("$.admin.listen", f"{address!r} is in dns.listen too", "use another port")


def _check_stub(config: Config) -> Iterator[Problem]:
    own = config.clusters.get(config.cluster)
    if config.stub.manage and own is not None and own.source.directory is not None:
        yield Problem(
            "$.stub.manage",
            f"{config.cluster} is read from a directory, and has no DNS to tell",
            "read it from its API server, or leave this out",
        )


def _check_envoy(envoy: EnvoySettings) -> Iterator[Problem]:
    if envoy.certificate.parent != envoy.key.parent:
        yield Problem(
            "$.envoy.key",
            f"{envoy.key} is not in the certificate's folder",
            f"put both into one, like {envoy.certificate.parent}: it is watched for new ones",
        )
