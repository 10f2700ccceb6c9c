"""What clusters say becomes one picture, and its changes lines."""

from __future__ import annotations

import json

import msgspec
import pytest

from globaldns.demo.plan import GATEWAYS, Speech
from globaldns.demo.status import (
    Target,
    describe_changes,
    find_target,
    find_units,
    merge_hosts,
    read_digest,
)
from globaldns.demo.words import HostStatus, Status, UnitStatus
from globaldns.errors import RequestRefused


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("reviews.bookinfo.global", Target("reviews.bookinfo.global", 9080, Speech.HTTP)),
        ("Reviews.bookinfo", Target("reviews.bookinfo.global", 9080, Speech.HTTP)),
        ("mysqldb.bookinfo.global.", Target("mysqldb.bookinfo.global", 3306, Speech.TCP)),
        ("reviews.bookinfo:81", Target("reviews.bookinfo.global", 81, Speech.HTTP)),
        ("nobody.nowhere", Target("nobody.nowhere.global", 80, Speech.HTTP)),
    ],
)
def test_a_host_is_found(text: str, target: Target) -> None:
    assert find_target(text) == target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("240.128.0.1", Target("240.128.0.1", 3306, Speech.TCP)),
        ("240.128.0.1:81", Target("240.128.0.1", 81, Speech.TCP)),
        ("240.128.0.2", Target("240.128.0.2", 80, Speech.HTTP)),
        ("mysqldb.bookinfo", Target("mysqldb.bookinfo.global", 3306, Speech.TCP)),
    ],
)
def test_a_vip_is_called_as_the_service_whose_it_is(text: str, target: Target) -> None:
    host = HostStatus("mysqldb.bookinfo.global", ("west",), {"east": ("240.128.0.1",)})
    assert find_target(text, [host]) == target


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(RequestRefused, match="no port"):
        find_target(f"reviews.bookinfo:{port}")


def listing(name: str, vips: list[str], clusters: list[str]) -> str:
    return json.dumps(
        {"items": [{"names": [name], "vips": vips, "clusters": clusters, "rule": ""}]}
    )


def test_hosts_of_all_clusters_are_merged() -> None:
    listings = {
        "east": listing("a.b.global", ["240.128.0.1"], ["east"]),
        "west": listing("a.b.global", [], ["west"]),
        "flat": "",
    }
    expected = HostStatus("a.b.global", ("east", "west"), {"east": ("240.128.0.1",)})
    assert merge_hosts(listings) == (expected,)


def test_a_digest_is_of_zone_and_vips() -> None:
    assert read_digest('{"serial":1,"zone":"a","vips":"b"}') == "a/b"
    assert read_digest("") == ""


def test_units_are_up_or_down() -> None:
    gateways, pods = find_units(lambda name: name == "west-gw1")
    assert [one.name for one in gateways if one.is_up] == ["west-gw1"]
    assert len(gateways) == len(GATEWAYS)
    assert not any(one.is_up for one in pods)
    assert "legacy-v1" not in {one.name for one in pods}


def test_only_what_is_different_is_told() -> None:
    gateway = UnitStatus("west-gw1", "west", "203.0.113.20", is_up=True)
    host = HostStatus("a.b.global", ("east",), {"east": ("240.128.0.1",)})
    first = Status(phase="waiting", digests={"east": "1"})
    second = Status(hosts=(host,), gateways=(gateway,), digests={"east": "1"})
    assert [*describe_changes(first, second)] == [
        "ready",
        "a.b.global of east: east=240.128.0.1",
        "gateway west-gw1 of west: up",
    ]
    assert [*describe_changes(second, second)] == []
    dead = msgspec.structs.replace(gateway, is_up=False)
    third = msgspec.structs.replace(
        second,
        gateways=(dead,),
        cuts=(("east", "west"),),
        trouble="the disk is full",
        digests={"east": "1", "west": "2"},
    )
    assert [*describe_changes(second, third)] == [
        "gateway west-gw1 of west: down",
        "cut: east - west",
        "a ledger is not shown: the disk is full",
        "the clusters do not serve the same",
    ]
    assert "joined: east - west" in [*describe_changes(third, second)]
