"""The units of a machine."""

import shlex

import pytest

from globaldns.vm.units import envoy_unit, pools_unit, serve_unit
from tests.vm.machines import machine, settings

POOLS = {"pools": ["240.128.0.0/10", "fd67:6c6f:6261:6c00::/64"]}


def test_every_pool_is_routed_to_the_machine_while_the_unit_is_active():
    found = settings(pools_unit(machine(vips=POOLS)))
    assert found["ExecStart"] == [
        "ip route replace local 240.128.0.0/10 dev lo",
        "ip -6 route replace local fd67:6c6f:6261:6c00::/64 dev lo",
    ]
    assert found["ExecStop"] == [
        "-ip route del local 240.128.0.0/10 dev lo",
        "-ip -6 route del local fd67:6c6f:6261:6c00::/64 dev lo",
    ]
    assert found["RemainAfterExit"] == ["yes"]


def test_an_envoy_starts_behind_its_routes_and_its_documents():
    found = settings(envoy_unit(machine(envoy={"directory": "/var/cache/my envoys"})))
    assert found["Requires"] == ["globaldns-pools.service"]
    assert "globaldns-pools.service" in found["After"][0]
    [before] = found["ExecStartPre"]
    assert shlex.split(before)[-1] == "/var/cache/my envoys/sidecar/lds.json"


def test_serve_has_the_time_that_its_lame_duck_takes():
    [seconds] = settings(serve_unit(machine(lame_duck="40500ms")))["TimeoutStopSec"]
    assert int(seconds) == 41 + 15


@pytest.mark.parametrize(
    ("listen", "right"), [("127.0.0.1:1053", ""), ("127.0.0.1:53", "CAP_NET_BIND_SERVICE")]
)
def test_serve_may_have_a_port_below_1024_where_it_has_one(listen, right):
    found = settings(serve_unit(machine(dns={"listen": [listen]})))
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == [right]


def test_state_elsewhere_is_writable():
    found = settings(serve_unit(machine(state="/srv/globaldns")))
    assert found["ReadWritePaths"] == ["/srv/globaldns"]
    assert found["StateDirectory"] == ["globaldns"]


@pytest.mark.parametrize("make", [serve_unit, pools_unit, envoy_unit])
def test_a_unit_gets_what_it_needs_and_no_more(make):
    found = settings(make(machine()))
    assert {key: found[key] for key in ("NoNewPrivileges", "PrivateTmp", "ProtectSystem")} == {
        "NoNewPrivileges": ["yes"],
        "PrivateTmp": ["yes"],
        "ProtectSystem": ["strict"],
    }
    assert found["SystemCallFilter"] == ["@system-service"]


def test_serve_and_envoy_are_two_users_and_neither_is_root():
    users = [settings(make(machine()))["User"][0] for make in (serve_unit, envoy_unit)]
    assert len({*users, "root"}) == 3
