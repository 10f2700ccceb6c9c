"""What resolvers outside of clusters are told."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from globaldns.coredns.resolvers import (
    dnsmasq_conf,
    negative_anchors,
    resolved_drop_in,
    unbound_conf,
)
from globaldns.coredns.stub import Server, Stub, StubZone
from globaldns.errors import StubError
from tests.coredns.collection import TWO_POLICIES, stub

WIDE = Stub(
    zones=(StubZone("global"), StubZone("mesh.example")),
    servers=(Server("127.0.0.1", 1053), Server("fd00::53")),
    reverse=("240.0.0.0/8",),
    force_tcp=True,
)


def test_every_zone_is_a_route_and_none_is_searched() -> None:
    assert resolved_drop_in(WIDE.names, ["[::1]:53"]) == (
        "[Resolve]\nDNS=[::1]:53\nDomains=~global ~mesh.example\n"
    )


def test_no_zone_has_to_be_signed_nor_what_was_not_before() -> None:
    anchors = negative_anchors(["global", "internal"]).splitlines()
    assert anchors[:3] == ["global", "internal", "home.arpa"]
    assert {"10.in-addr.arpa", "31.172.in-addr.arpa", "lan", "test", "resolver.arpa", "alt"} <= {
        *anchors
    }
    assert len(anchors) == len({*anchors})


def test_dnsmasq_asks_every_server_of_a_zone() -> None:
    assert dnsmasq_conf(WIDE) == (
        "server=/global/127.0.0.1#1053\n"
        "server=/global/fd00::53#53\n"
        "server=/mesh.example/127.0.0.1#1053\n"
        "server=/mesh.example/fd00::53#53\n"
        "server=/240.in-addr.arpa/127.0.0.1#1053\n"
        "server=/240.in-addr.arpa/fd00::53#53\n"
        "rebind-domain-ok=/global/mesh.example/\n"
    )


def test_unbound_has_stub_zones_that_need_no_signature() -> None:
    assert unbound_conf(stub(server="10.96.0.99")) == (
        "server:\n"
        '  domain-insecure: "global"\n'
        '  private-domain: "global"\n'
        "stub-zone:\n"
        '  name: "global"\n'
        "  stub-addr: 10.96.0.99@53\n"
    )


def test_unbound_may_ask_this_machine_over_tcp_and_for_addresses() -> None:
    lines = unbound_conf(WIDE).splitlines()
    assert "  do-not-query-localhost: no" in lines
    assert '  local-zone: "240.in-addr.arpa" transparent' in lines
    assert lines.count("  stub-tcp-upstream: yes") == 3
    assert lines.count("  stub-addr: 127.0.0.1@1053") == 3


def test_unbound_keeps_nothing_where_that_is_wished() -> None:
    assert "stub-no-cache" not in unbound_conf(WIDE)
    told = unbound_conf(msgspec.structs.replace(WIDE, cache_seconds=0))
    assert told.count("  stub-no-cache: yes\n") == 3


@pytest.mark.parametrize("told", [dnsmasq_conf, unbound_conf])
def test_who_cannot_ask_others_for_the_rest_of_a_zone_is_not_told_to(
    told: Callable[[Stub], str],
) -> None:
    with pytest.raises(StubError) as refused:
        told(TWO_POLICIES)
    assert refused.value.code == "build"
