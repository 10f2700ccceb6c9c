"""What sources and registry get of the configuration. Pure."""

from __future__ import annotations

from globaldns.app.settings import prefixes, zone_names
from globaldns.config.schema import Config, LostSettings
from globaldns.exports import ExportRules
from globaldns.model.lost import LostEndpoints, LostNames, LostRules
from globaldns.registry.settings import ClusterRules, RegistrySettings

WITHDRAWAL_TTLS = 2
"""A route goes so many of the largest TTL after its name: by then no client knows the VIP."""


def export_rules(config: Config, cluster: str) -> ExportRules:
    """Return what becomes of a configured cluster's objects."""
    settings = config.clusters[cluster]  # type: ignore[index]  # ClusterId is a name for str
    return ExportRules(
        cluster=cluster,
        home=config.cluster,
        zones=zone_names(config),
        exports=config.exports,
        namespace_selector=tuple(sorted(settings.namespace_selector.items())),
        allow=settings.allow,
        network=settings.network,
        gateways=settings.gateways,
        pools=config.vips.pools,
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
            lost=lost_rules(settings.lost),
        )
        for cluster, settings in config.clusters.items()
    }


def lost_rules(lost: LostSettings) -> LostRules:
    """Return what becomes of a cluster that has gone quiet."""
    return LostRules(
        after=lost.after,
        names=LostNames(lost.names.expire),
        endpoints=LostEndpoints(lost.endpoints.demote, lost.endpoints.expire),
    )


def registry_settings(config: Config) -> RegistrySettings:
    """Return what the registry obeys."""
    vips = config.vips
    return RegistrySettings(
        cluster=config.cluster,
        clusters=cluster_rules(config),
        zones=zone_names(config),
        pools=prefixes(vips.pools),
        reserved=prefixes(vips.reserved),
        pins=prefixes(vips.pins),
        allow_special=prefixes(vips.allow_special),
        quarantine=vips.quarantine,
        overlap=vips.overlap,
        largest_ttl=largest_ttl(config),
        direct_networks=frozenset(config.routing.direct_networks),
    )


def largest_ttl(config: Config) -> int:
    """Return for how many seconds answers may be kept."""
    return max(config.dns.ttl, config.dns.negative_ttl)


def withdraw_seconds(config: Config) -> int:
    """Return how long a route stands after its name is gone."""
    return WITHDRAWAL_TTLS * largest_ttl(config)
