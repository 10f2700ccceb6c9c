"""What the data plane gets of the configuration."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from globaldns.config.schema import Config
from globaldns.config.tls import TLS_PORT
from globaldns.dns.listen import DEFAULT_LISTEN, Listen, parse_listen
from globaldns.dns.rules import DnsRules, dns_rules
from globaldns.dns.seats import ServerSettings, TlsListening
from globaldns.dns.tcp import TcpLimits
from globaldns.dns.worker import WorkerSettings
from globaldns.model.address import Prefix, parse_prefix


def zone_names(config: Config) -> tuple[str, ...]:
    """Return the zones that are served, in their order."""
    return tuple(zone.name for zone in config.zones)


def server_settings(config: Config) -> ServerSettings:
    """Return where the DNS server listens, and what clients may hold."""
    listen = config.dns.listen
    return ServerSettings(
        listen=None if listen is None else tuple(map(parse_listen, listen)),
        tcp=tcp_limits(config),
        tls=tls_listening(config),
    )


def worker_settings(config: Config, listen: Iterable[Listen]) -> WorkerSettings:
    """Return what workers obey; ``listen`` is where they really listen."""
    instance = f"{config.cluster}/{socket.gethostname()}"
    return WorkerSettings(
        rules=zone_rules(config, instance=instance, listen=listen),
        server=server_settings(config),
        log=config.log,
    )


def tls_listening(config: Config) -> TlsListening | None:
    """Return where TLS is listened for, and with which certificate; None: nowhere."""
    dns, tls = config.dns, config.dns.tls
    if tls.certificate is None or tls.key is None:
        return None
    if tls.listen is not None:
        listen = tuple(map(parse_listen, tls.listen))
    else:
        beside = DEFAULT_LISTEN if dns.listen is None else tuple(map(parse_listen, dns.listen))
        listen = tuple(dict.fromkeys(Listen(one.address, TLS_PORT) for one in beside))
    return TlsListening(
        listen=listen,
        skip_missing=tls.listen is None and dns.listen is None,
        certificate=str(tls.certificate),
        key=str(tls.key),
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
        namespaces={zone.name: zone.namespaces for zone in config.zones if zone.namespaces},
        pools=prefixes(config.vips.pools),
        instance=instance,
        listen=listen,
    )


def prefixes(texts: Iterable[str]) -> tuple[Prefix, ...]:
    """Return the ranges that texts of the configuration write."""
    return tuple(map(parse_prefix, texts))
