"""What a turn has a person, a counter or a listener told."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec
import pytest

from globaldns.admin.events import (
    Broadcast,
    ClusterChanged,
    ServiceChanged,
    ServiceRemoved,
    VipMoved,
)
from globaldns.admin.reports import ClusterReport
from globaldns.app.news import MAX_LINES, News
from globaldns.dns.counters import SIZE_BOUNDS, Counters
from globaldns.metrics import DnsReadings, Metrics
from globaldns.model.export import Port
from globaldns.model.host import Host
from globaldns.model.lost import LostRules
from globaldns.model.service import ServiceState
from globaldns.model.view import Freshness, SetFreshness, SetLedger, SourceState
from globaldns.registry.delta import Delta, Move
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    Reset,
    export,
    ledger,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)

SOUTH = ClusterReport(
    cluster="south",
    state="synced",
    contact="2026-01-02T03:04:05Z",
    reason="",
    source="south",
    network="",
    gateways=(),
    exports=0,
    fenced=False,
    own=False,
)
TROUBLES = [
    ServiceState.EXHAUSTED,
    ServiceState.PIN_OUTSIDE,
    ServiceState.PIN_LOST,
    ServiceState.STALE,
    ServiceState.LOST,
    ServiceState.HANDOVER,
]


class Desk:
    """News of one registry, and what is told."""

    def __init__(self, caplog: pytest.LogCaptureFixture, *pools: str) -> None:
        caplog.set_level(logging.INFO)
        obeyed = settings(pools=pools) if pools else settings()
        self.registry = settled(Registry(obeyed), reset("east", export("a.ns")), reset("west"))
        self.broadcast = Broadcast()
        self.clusters = (SOUTH,)
        dns = DnsReadings("x", Counters(), SIZE_BOUNDS, lambda: 0)
        self.metrics = Metrics(dns, lambda: pytest.fail("nothing is scraped here"))
        self.news = News(self.registry, self.metrics, self.broadcast, lambda: self.clusters)
        self._log = caplog

    def tell(self, *, states: Sequence[ServiceState] = (), **parts: object) -> list[str]:
        """Tell of a turn, in which hosts may come to stand in some states; return the lines."""
        known = service(self.registry, "a.ns")
        services = tuple(
            msgspec.structs.replace(known, host=Host(f"h{number}.ns"), state=state)
            for number, state in enumerate(states)
        )
        self._log.clear()
        self.news.tell(Delta(complete=True, services=services, **parts))
        return [record.message for record in self._log.records]

    def turn(self, *changes: Reset, now: int = 11) -> list[str]:
        """Tell of a turn that the registry takes."""
        self._log.clear()
        delta = self.registry.apply(changes, now)
        self.news.tell(delta)
        self.news.tell(remember(self.registry, delta, now))
        return [record.message for record in self._log.records]

    def fields(self, message: str) -> dict[str, object]:
        (record,) = (record for record in self._log.records if record.message == message)
        return record.__dict__


@pytest.fixture
def desk(caplog: pytest.LogCaptureFixture) -> Desk:
    return Desk(caplog)


def test_a_turn_that_changes_nothing_is_not_told(desk: Desk) -> None:
    assert desk.tell() == []


def test_what_changed_is_one_line_however_much_it_is(desk: Desk) -> None:
    lines = desk.tell(states=[ServiceState.READY] * 3, removed=(Host("x.ns"),))
    assert lines == ["services changed"]
    told = desk.fields("services changed")
    assert (told["changed"], told["removed"], told["services"]) == (3, 1, 1)


def test_a_move_is_a_warning_and_is_counted(desk: Desk) -> None:
    move = Move(Host("a.ns"), (vip("240.0.0.1"),), (vip("240.0.0.2"),), "collision")
    desk.tell(moves=(move,))
    told = desk.fields("a host has other VIPs")
    assert told["levelno"] == logging.WARNING
    assert [told[key] for key in ("host", "old", "new", "reason")] == [
        "a.ns",
        ("240.0.0.1",),
        ("240.0.0.2",),
        "collision",
    ]
    assert desk.metrics.vip_moves.labels("collision")._value.get() == 1


def test_a_new_conflict_names_winner_and_loser(desk: Desk) -> None:
    theirs = export("a.ns", "west", created_at=9, ports=(Port(80, "http", "TCP"),))
    assert "two objects cannot both be true" in desk.turn(reset("west", theirs))
    told = desk.fields("two objects cannot both be true")
    assert (told["rule"], told["host"]) == ("port-protocol", "a.ns")
    assert told["winner"] == "ServiceEntry ns/a of east"
    assert told["loser"] == "ServiceEntry ns/a of west"
    assert desk.turn(reset("west", theirs)) == []


@pytest.mark.parametrize("state", TROUBLES)
def test_a_host_without_a_vip_is_told_once_and_why(state: ServiceState, desk: Desk) -> None:
    line, _ = desk.tell(states=[state])
    told = desk.fields(line)
    assert told["levelno"] == logging.WARNING
    assert (told["host"], told["clusters"]) == ("h0.ns", ("east",))
    assert desk.tell(states=[state]) == ["services changed"]


@pytest.mark.parametrize("state", sorted(set(ServiceState) - set(TROUBLES)))
def test_a_host_that_is_answered_or_waits_for_its_number_is_no_trouble(
    state: ServiceState, desk: Desk
) -> None:
    assert desk.tell(states=[state]) == ["services changed"]


def test_every_trouble_reads_otherwise(desk: Desk) -> None:
    lines = {desk.tell(states=[state])[0] for state in TROUBLES}
    assert len(lines) == len(TROUBLES)


@pytest.mark.parametrize("mended", [True, False], ids=["mended", "removed"])
def test_a_host_that_has_trouble_again_is_told_again(mended: bool, desk: Desk) -> None:  # noqa: FBT001
    first = desk.tell(states=[ServiceState.STALE])
    if mended:
        desk.tell(states=[ServiceState.READY])
    else:
        desk.tell(removed=(Host("h0.ns"),))
    assert desk.tell(states=[ServiceState.STALE]) == first


def test_beyond_so_many_hosts_only_their_number_is_told(desk: Desk) -> None:
    lines = desk.tell(states=[ServiceState.EXHAUSTED] * (MAX_LINES + 7))
    assert lines[MAX_LINES:] == ["more hosts are without a VIP", "services changed"]
    assert desk.fields("more hosts are without a VIP")["count"] == 7
    assert desk.tell(states=[ServiceState.EXHAUSTED] * MAX_LINES) == ["services changed"]


def test_beyond_so_many_conflicts_only_their_number_is_told(desk: Desk) -> None:
    theirs = (Port(80, "http", "TCP"),)
    names = [f"c{number}.ns" for number in range(MAX_LINES + 5)]
    lines = desk.turn(
        reset("east", *map(export, names)),
        reset("west", *(export(name, "west", ports=theirs) for name in names)),
    )
    assert lines.count("two objects cannot both be true") == MAX_LINES
    assert desk.fields("more objects cannot both be true")["count"] == 5


def test_beyond_so_many_moves_only_their_number_is_told(desk: Desk) -> None:
    new = (vip("240.0.0.1"), vip("fd67::1"))
    moves = tuple(Move(Host(f"h{n}.ns"), new[:1], new, "added") for n in range(MAX_LINES + 3))
    lines = desk.tell(moves=moves)
    assert lines == ["a host has other VIPs"] * MAX_LINES + ["more hosts have other VIPs"]
    assert desk.fields("more hosts have other VIPs")["count"] == 3
    assert desk.metrics.vip_moves.labels("added")._value.get() == MAX_LINES + 3


FILLING = "a pool is filling: add another to vips.pools"


def test_a_pool_is_told_when_it_fills_and_again_only_after_it_had_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(caplog, "240.128.0.0/29")  # six that can be given
    names = ["a.ns", "b.ns", "c.ns", "d.ns"]
    assert FILLING not in desk.turn(reset("east", *map(export, names)))
    assert desk.turn(reset("east", *map(export, [*names, "e.ns"]))).count(FILLING) == 1
    told = desk.fields(FILLING)
    assert (told["pool"], told["held"], told["free"]) == ("240.128.0.0/29", 5, 1)
    assert FILLING not in desk.turn(reset("east", *map(export, [*names, "e.ns", "f.ns"])))
    desk.turn(reset("east", export("a.ns")), now=20)
    assert FILLING not in desk.turn(reset("west"), now=5000)
    assert FILLING in desk.turn(reset("east", *map(export, [*names, "e.ns"])), now=5001)


async def test_who_listens_is_told_everything_in_the_words_of_the_api(desk: Desk) -> None:
    move = Move(Host("a.ns"), (vip("240.0.0.1"),), (vip("240.0.0.2"),), "pinned")
    desk.news.note_clusters()
    with desk.broadcast.subscribe() as listener:
        desk.clusters = (msgspec.structs.replace(SOUTH, state="silent"),)
        desk.tell(states=[ServiceState.READY], removed=(Host("x.ns"),), moves=(move,))
        changed, removed, moved, cluster = await listener.receive()
    assert isinstance(changed, ServiceChanged)
    assert changed.service.host == "h0.ns"
    assert removed == ServiceRemoved(host="x.ns")
    assert moved == VipMoved(host="a.ns", old=("240.0.0.1",), new=("240.0.0.2",), reason="pinned")
    assert cluster == ClusterChanged(cluster=desk.clusters[0])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, False),
        ({"contact": "2026-01-02T03:05:05Z"}, False),
        ({"exports": 9}, False),
        ({"reason": "gone"}, True),
        ({"fenced": True}, True),
        ({"lost": True}, True),
    ],
)
async def test_a_cluster_is_told_when_it_stands_otherwise(
    change: dict[str, object],
    told: bool,  # noqa: FBT001
    desk: Desk,
) -> None:
    desk.news.note_clusters()
    with desk.broadcast.subscribe() as listener:
        desk.clusters = (msgspec.structs.replace(SOUTH, **change),)
        desk.tell(removed=(Host("x.ns"),))
        desk.tell(removed=(Host("y.ns"),))
        kinds = [type(event) for event in await listener.receive()]
    assert kinds.count(ClusterChanged) == int(told)


async def test_a_cluster_that_stands_otherwise_without_a_turn_is_told(desk: Desk) -> None:
    desk.news.note_clusters()
    with desk.broadcast.subscribe() as listener:
        desk.news.tell_clusters()
        desk.clusters = (msgspec.structs.replace(SOUTH, lost=True),)
        desk.news.tell_clusters()
        (event,) = await listener.receive()
    assert isinstance(event, ClusterChanged)
    assert event.cluster.lost


def test_where_nobody_listens_no_cluster_is_looked_at(desk: Desk) -> None:
    looked: list[str] = []
    news = News(desk.registry, desk.metrics, desk.broadcast, lambda: looked.append("!") or ())
    news.tell_clusters()
    news.tell(Delta(complete=True, removed=(Host("x.ns"),)))
    assert looked == []


def test_a_fence_is_told_when_it_comes_and_when_it_goes(desk: Desk) -> None:
    desk.registry.reconfigure(settings(fenced=["west"]), 11)
    assert desk.tell() == ["a cluster is fenced: its exports do not count"]
    assert desk.fields("a cluster is fenced: its exports do not count")["cluster"] == "west"
    assert desk.tell() == []
    desk.registry.reconfigure(settings(), 12)
    assert desk.tell() == ["a cluster is fenced no more: its exports count"]


def test_a_lost_cluster_is_told_once_when_it_is_lost_and_once_when_it_is_back(desk: Desk) -> None:
    fresh = Freshness("east", SourceState.SYNCED, 100, zones=("global",))
    desk.registry.apply([SetFreshness(fresh)], 100)
    assert desk.tell() == []
    desk.registry.reconfigure(settings(lost=LostRules()), 110)
    assert desk.tell() == ["a cluster is lost"]
    assert desk.fields("a cluster is lost")["contact"] == "1970-01-01T00:00:01Z"
    desk.registry.tick(120)
    assert desk.tell() == []
    back = Freshness("west", SourceState.SYNCED, 120, zones=("global",))
    desk.registry.apply([SetFreshness(back)], 121)
    assert desk.tell() == ["a cluster is lost no more"]
    assert desk.fields("a cluster is lost no more")["cluster"] == "west"


def test_a_cluster_that_is_configured_otherwise_is_told_once(desk: Desk) -> None:
    other = msgspec.structs.replace(settings(), quarantine=5).fingerprint
    said = msgspec.structs.replace(ledger("west"), fingerprint=other)
    desk.registry.apply([SetLedger("west", said)], 100)
    told = "a cluster is configured otherwise in what all must have alike"
    assert desk.tell() == [told]
    assert desk.fields(told)["settings"] == ("quarantine",)
    assert desk.tell() == []
    alike = msgspec.structs.replace(said, fingerprint=settings().fingerprint)
    desk.registry.apply([SetLedger("west", alike)], 110)
    assert desk.tell() == ["a cluster is configured as we are"]


def test_a_cluster_that_is_read_under_two_ids_is_told_once(desk: Desk) -> None:
    told = "a cluster is read under two ids: it counts under one of them"
    desk.registry.count_once({"west": "east"}, 100)
    assert desk.tell() == [told]
    assert desk.fields(told)["counted"] == "east"
    assert desk.tell() == []
    desk.registry.count_once({}, 101)
    assert desk.tell() == ["a cluster counts under its own id"]
