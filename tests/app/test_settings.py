"""Each key of the configuration that the data plane obeys."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from globaldns.app.settings import (
    prefixes,
    server_settings,
    tcp_limits,
    worker_settings,
    zone_names,
    zone_rules,
)
from globaldns.config.schema import Config
from globaldns.dns.listen import parse_listen
from globaldns.dns.rules import DnsRules
from globaldns.dns.seats import TlsListening
from globaldns.dns.tcp import TcpLimits
from globaldns.model.address import parse_address, parse_prefix
from tests.app.meshes import Place


def rules(config: Config) -> DnsRules:
    return zone_rules(config, instance="east/host", listen=[parse_listen("192.0.2.1:53")])


def test_zones_keep_their_order(place: Place) -> None:
    config = place.configure(zones=["mesh.example", "global"])
    assert zone_names(config) == rules(config).zones == ("mesh.example", "global")


@pytest.mark.parametrize(
    ("dns", "listen"),
    [
        ({}, None),
        ({"listen": ["127.0.0.1:53", "[::1]:0"]}, ("127.0.0.1:53", "[::1]:0")),
    ],
)
def test_no_address_to_listen_at_is_not_the_same_as_the_default_ones(
    dns: dict[str, Any], listen: tuple[str, ...] | None, place: Place
) -> None:
    found = server_settings(place.configure(dns=dns)).listen
    assert found == (None if listen is None else tuple(map(parse_listen, listen)))


PAIR = {"certificate": "tls.crt", "key": "tls.key"}


@pytest.mark.parametrize(
    ("dns", "listen", "skip_missing"),
    [
        ({}, ("127.0.0.1:853", "[::1]:853"), True),
        (
            {"listen": ["127.0.0.1:53", "127.0.0.1:54", "[::]:0"]},
            ("127.0.0.1:853", "[::]:853"),
            False,
        ),
        ({"listen": ["127.0.0.1:53"], "tls": {"listen": ["[::1]:0"]}}, ("[::1]:0",), False),
        ({"tls": {"listen": ["[::1]:0"]}}, ("[::1]:0",), False),
    ],
)
def test_tls_is_listened_for_beside_the_rest_unless_it_is_said_otherwise(
    dns: dict[str, Any], listen: tuple[str, ...], *, skip_missing: bool, place: Place
) -> None:
    config = place.configure(dns=dns | {"tls": PAIR | dns.get("tls", {})})
    found = server_settings(config).tls
    assert found == TlsListening(
        listen=tuple(map(parse_listen, listen)),
        skip_missing=skip_missing,
        certificate=str(place.folder / "tls.crt"),
        key=str(place.folder / "tls.key"),
    )


def test_without_a_certificate_there_is_no_tls(place: Place) -> None:
    assert server_settings(place.config).tls is None


def test_the_limits_on_connections_reach_the_server(place: Place) -> None:
    config = place.configure(dns={"limits": {"tcp_connections": 9, "tcp_per_source": 3}})
    limits = TcpLimits(connections=9, per_source=3)
    assert tcp_limits(config) == server_settings(config).tcp == limits


@pytest.mark.parametrize(
    ("dns", "advertised"),
    [({}, "192.0.2.1"), ({"advertise": ["198.51.100.7"]}, "198.51.100.7")],
)
def test_the_name_server_is_where_it_listens_unless_it_is_said_otherwise(
    dns: dict[str, Any], advertised: str, place: Place
) -> None:
    found = rules(place.configure(dns=dns))
    assert found.nameserver_addresses == (parse_address(advertised),)
    assert found.instance == "east/host"


def test_the_pools_are_reverse_zones_and_the_ttls_are_served(place: Place) -> None:
    config = place.configure(
        dns={"ttl": "40s", "negative_ttl": "20s"}, vips={"pools": ["240.130.0.0/16"]}
    )
    found = rules(config)
    assert found.pools == (parse_prefix("240.130.0.0/16"),)
    assert (found.ttl, found.negative_ttl) == (40, 20)


def test_workers_obey_the_rules_the_limits_and_the_log(place: Place) -> None:
    config = place.configure(log={"queries": "denial"})
    listen = (parse_listen("127.0.0.1:53"),)
    found = worker_settings(config, listen)
    assert found.server == server_settings(config)
    assert found.log == config.log
    assert found.rules.nameserver_addresses == (parse_address("127.0.0.1"),)
    assert found.rules.instance == f"east/{socket.gethostname()}"


def test_ranges_keep_their_order() -> None:
    texts = ("240.129.0.0/24", "240.128.0.0/24", "fd00::/64")
    assert tuple(map(str, prefixes(texts))) == texts
