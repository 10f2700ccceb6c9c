"""What each component gets of the configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from globaldns.config.schema import Config, QueryLog
from globaldns.dns.listen import Listen, parse_listen
from globaldns.dns.querylog import QueryRing
from globaldns.dns.rules import DnsRules, dns_rules
from globaldns.dns.server import ServerSettings
from globaldns.dns.tcp import TcpLimits
from globaldns.exports import ExportRules
from globaldns.model.address import Prefix, parse_prefix
from globaldns.registry.settings import ClusterRules, RegistrySettings


def zone_names(config: Config) -> tuple[str, ...]:
    """Return the zones that are served, in their order."""
    return tuple(zone.name for zone in config.zones)


def export_rules(config: Config, cluster: str) -> ExportRules:
    """Return what becomes of a configured cluster's objects."""
    settings = config.clusters[cluster]  # type: ignore[index]  # ClusterId is a name for str
    return ExportRules(
        cluster=cluster,
        zones=zone_names(config),
        exports=config.exports,
        allow=settings.allow,
        network=settings.network,
        gateways=settings.gateways,
        system_namespace=config.system_namespace,
        nameserver=config.dns.nameserver,
        records_per_name=config.dns.limits.records_per_name,
    )


def cluster_rules(config: Config) -> dict[str, ClusterRules]:
    """Return what every configured cluster may do."""
    return {
        cluster: ClusterRules(
            allow_namespaces=settings.allow.namespaces,
            allow_hosts=settings.allow.hosts,
            fenced=settings.fenced,
        )
        for cluster, settings in config.clusters.items()
    }


def registry_settings(config: Config) -> RegistrySettings:
    """Return what the registry obeys."""
    vips = config.vips
    return RegistrySettings(
        cluster=config.cluster,
        clusters=cluster_rules(config),
        zones=zone_names(config),
        pools=_prefixes(vips.pools),
        reserved=_prefixes(vips.reserved),
        pins=_prefixes(vips.pins),
        allow_special=_prefixes(vips.allow_special),
        quarantine=vips.quarantine,
        largest_ttl=max(config.dns.ttl, config.dns.negative_ttl),
    )


def server_settings(config: Config) -> ServerSettings:
    """Return where the DNS server listens, and what clients may hold."""
    listen = config.dns.listen
    return ServerSettings(
        listen=None if listen is None else tuple(map(parse_listen, listen)),
        tcp=tcp_limits(config),
    )


def tcp_limits(config: Config) -> TcpLimits:
    """Return what clients may hold over TCP."""
    limits = config.dns.limits
    return TcpLimits(connections=limits.tcp_connections, per_source=limits.tcp_per_source)


def zone_rules(config: Config, *, instance: str, listen: Iterable[Listen]) -> DnsRules:
    """Return what the data plane obeys; ``listen`` is where the server really listens."""
    return dns_rules(
        config.dns,
        zones=zone_names(config),
        pools=_prefixes(config.vips.pools),
        instance=instance,
        listen=listen,
    )


def query_ring(config: Config) -> QueryRing | None:
    """Return where queries are logged; None: nowhere."""
    policy = config.log.queries
    return None if policy is QueryLog.NONE else QueryRing(policy)


def _prefixes(texts: Iterable[str]) -> tuple[Prefix, ...]:
    return tuple(map(parse_prefix, texts))
