"""What sources and registry get of the configuration. Pure."""

from __future__ import annotations

from globaldns.app.settings import prefixes, zone_names
from globaldns.config.schema import Config
from globaldns.exports import ExportRules
from globaldns.registry.settings import ClusterRules, RegistrySettings


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
        pools=prefixes(vips.pools),
        reserved=prefixes(vips.reserved),
        pins=prefixes(vips.pins),
        allow_special=prefixes(vips.allow_special),
        quarantine=vips.quarantine,
        largest_ttl=max(config.dns.ttl, config.dns.negative_ttl),
    )
