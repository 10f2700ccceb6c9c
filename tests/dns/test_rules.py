from __future__ import annotations

from globaldns.config.kinds import Seconds
from globaldns.config.schema import DnsSettings, Limits
from globaldns.dns.listen import parse_listen
from globaldns.dns.rules import DnsRules, dns_rules
from globaldns.model.address import format_address, parse_prefix

LISTEN = tuple(
    map(parse_listen, ("192.0.2.1:53", "192.0.2.1:5353", "0.0.0.0:53", "[2001:db8::1]:53"))
)


def rules_of(settings: DnsSettings) -> DnsRules:
    pools = (parse_prefix("240.128.0.0/10"),)
    return dns_rules(
        settings,
        zones=("global",),
        namespaces={"global": ("shop",)},
        pools=pools,
        instance="i",
        listen=LISTEN,
    )


def test_the_name_server_has_the_addresses_that_are_no_wildcards() -> None:
    addresses = rules_of(DnsSettings()).nameserver_addresses
    assert list(map(format_address, addresses)) == ["192.0.2.1", "2001:db8::1"]


def test_what_is_advertised_by_hand_is_all() -> None:
    addresses = rules_of(DnsSettings(advertise=("198.51.100.7",))).nameserver_addresses
    assert list(map(format_address, addresses)) == ["198.51.100.7"]


def test_every_setting_arrives() -> None:
    settings = DnsSettings(
        ttl=Seconds(7.0),
        negative_ttl=Seconds(3.0),
        nameserver="n",
        mailbox="m",
        udp_payload=1400,
        nsid="x",
        explain=False,
        limits=Limits(error_replies_per_second=5),
    )
    rules = rules_of(settings)
    assert (rules.ttl, rules.negative_ttl, rules.nameserver, rules.mailbox) == (7, 3, "n", "m")
    assert (rules.udp_payload, rules.nsid, rules.explain) == (1400, "x", False)
    assert (rules.zones, rules.namespaces) == (("global",), {"global": ("shop",)})
    assert (rules.error_replies_per_second, rules.instance) == (5, "i")
