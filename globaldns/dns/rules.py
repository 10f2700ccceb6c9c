"""What the data plane obeys: one value, made from the configuration."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from globaldns.config.schema import Chaos, DnsSettings
from globaldns.dns.listen import Listen
from globaldns.model.address import Address, Prefix, parse_address


class DnsRules(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What zones and the responder need to know."""

    zones: tuple[str, ...]
    """In order: PTR records name the first that a host is in."""
    namespaces: dict[str, tuple[str, ...]] = {}
    """Of zones of which these alone are sent to us: who answers is said in each of them."""
    pools: tuple[Prefix, ...] = ()
    """Each becomes one or more reverse zones."""
    ttl: int = 30
    negative_ttl: int = 10
    nameserver: str = "ns"
    nameserver_addresses: tuple[Address, ...] = ()
    mailbox: str = "hostmaster"
    udp_payload: int = 1232
    nsid: str = ""
    chaos: Chaos = Chaos.HIDDEN
    explain: bool = True
    error_replies_per_second: int = 100
    instance: str = ""
    """Who answers: TXT at ``_globaldns.<zone>`` and ``_globaldns.<namespace>.<zone>``, and
    id.server where that is switched on."""


def dns_rules(
    settings: DnsSettings,
    *,
    zones: tuple[str, ...],
    namespaces: dict[str, tuple[str, ...]],
    pools: tuple[Prefix, ...],
    instance: str,
    listen: Iterable[Listen],
) -> DnsRules:
    """Return the rules that a configuration makes; ``listen`` is where the server listens."""
    advertised = tuple(map(parse_address, settings.advertise)) or tuple(
        dict.fromkeys(address.address for address in listen if not address.is_wildcard)
    )
    return DnsRules(
        zones=zones,
        namespaces=namespaces,
        pools=pools,
        ttl=int(settings.ttl),
        negative_ttl=int(settings.negative_ttl),
        nameserver=settings.nameserver,
        nameserver_addresses=advertised,
        mailbox=settings.mailbox,
        udp_payload=settings.udp_payload,
        nsid=settings.nsid,
        chaos=settings.chaos,
        explain=settings.explain,
        error_replies_per_second=settings.limits.error_replies_per_second,
        instance=instance,
    )
