import msgspec
import pytest
from msgspec import structs

from globaldns.errors import RequestRefused
from globaldns.model.claim import format_time
from globaldns.model.export import (
    Endpoint,
    ExportKind,
    Origin,
    Port,
    Resolution,
    Transport,
)
from globaldns.model.finding import Finding, Severity
from globaldns.model.lost import LostNames, LostRules
from globaldns.model.view import (
    Freshness,
    Put,
    Remove,
    SetFreshness,
    SourceState,
)
from globaldns.registry import explain as explaining
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    TTL,
    B,
    both,
    claim,
    export,
    ledger,
    partly_refused,
    remember,
    reset,
    service,
    settings,
    settled,
)

NOW = 99


def explain(registry, *subject, **known):
    return explaining.explain(registry, *subject, now=NOW, **known)


@pytest.fixture
def registry() -> Registry:
    return partly_refused()


def test_an_explanation_says_when_by_the_clock_of_its_times(registry):
    assert explain(registry, "a.ns").at == format_time(NOW)


def test_a_host_is_explained_by_name_by_full_name_and_by_vip(registry):
    (address,) = service(registry, "a.ns").vips
    by_name = explain(registry, "a.ns")
    assert by_name.names == ("a.ns.global",)
    assert explain(registry, "A.ns.global.") == by_name
    assert explain(registry, ".".join(map(str, address))) == by_name
    assert msgspec.json.decode(msgspec.json.encode(by_name))["state"] == "ready"


def test_what_does_not_count_is_named_with_its_rule(registry):
    assert [(d.cluster, d.rule) for d in explain(registry, "a.ns").dropped] == [("west", "fenced")]
    (outside,) = explain(registry, "b.ns").dropped
    assert outside.rule == "pin-outside"
    reason, _, fix = outside.detail.partition(" (fix: ")
    assert reason == "10.0.0.1 lies outside the pools and vips.pins"
    assert fix == "vips: {pins: [240.0.0.0/4, 10.0.0.1/32]})"


REFUSED = [
    ("ServiceEntry ns/a", "port 0 is bad", "port 0 is bad: f.yaml"),
    ("GlobalService ns/a", "is bad", "is bad: f.yaml"),
    ("ServiceEntry evil/x", "'a.ns.global' belongs to ns", "'a.ns.global' belongs to ns: f.yaml"),
]


@pytest.mark.parametrize(("refused", "reason", "detail"), REFUSED)
def test_a_refused_object_is_told_where_it_would_count(refused, reason, detail):
    registry = both(export("a.ns"), export("b.ns"))
    finding = Finding(Severity.ERROR, "bad", reason, file="f.yaml", object=refused, cluster="east")
    (dropped,) = explain(registry, "a.ns", [finding]).dropped
    assert (dropped.cluster, dropped.object, dropped.rule) == ("east", refused, "bad")
    assert dropped.detail == detail
    assert explain(registry, "b.ns", [finding]).dropped == ()


def test_a_name_above_hosts_says_how_many_lie_below():
    registry = both(export("a.ns"), export("b.ns"), export("c.other"))
    assert [explain(registry, name).below for name in ("ns", "s", "a.ns")] == [2, 0, 0]


def test_who_waits_for_a_vip_says_until_when(registry):
    text = ".".join(map(str, registry.services["a.ns"].vips[0]))
    remember(registry, registry.apply([Put(export("b.ns", pins=[text]))], 50), 50)
    assert explain(registry, "b.ns").waits_until == format_time(50 + 10 * TTL)
    assert explain(registry, "a.ns").waits_until == ""


def test_a_wait_that_is_over_before_its_host_was_looked_at_has_no_end(registry):
    text = ".".join(map(str, registry.services["a.ns"].vips[0]))
    remember(registry, registry.apply([Put(export("b.ns", pins=[text]))], 50), 50)
    registry._handovers.end(50 + 10 * TTL)
    assert explain(registry, "b.ns").state == "handover"
    assert explain(registry, "b.ns").waits_until == ""


def test_the_history_is_told_newest_first(registry):
    remember(registry, registry.renumber(["a.ns"], 50), 50)
    found = explain(registry, "a.ns")
    lines = found.history
    assert found.former == (lines[1].vip,)
    assert [(line.kind, line.reason, line.is_holding) for line in lines] == [
        ("chosen", "", True),
        ("given", "replaced", False),
    ]


def test_a_host_that_is_gone_still_has_a_history(registry):
    registry.apply([Remove("east", "a.ns")], 50)
    found = explain(registry, "a.ns")
    assert (found.state, len(found.history)) == ("unknown", 1)


def test_a_host_without_number_is_told_what_it_would_get():
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns"))], 10)
    (promised,) = explain(registry, "a.ns").would_get
    remember(registry, registry.settle(10), 10)
    assert explain(registry, "a.ns").vips == (promised,)
    assert explain(registry, "a.ns").would_get == ()


def test_a_vip_that_nobody_ever_had_is_refused(registry):
    with pytest.raises(RequestRefused, match=r"240\.1\.2\.3"):
        explain(registry, "240.1.2.3")


def test_a_contributor_is_told_with_its_object_and_how_its_source_stands():
    origin = Origin("Service", "ns", "a", "apps/a.yaml")
    endpoints = (Endpoint("10.0.0.1"), Endpoint("10.0.0.2", ready=False))
    one = structs.replace(
        export("a.ns", pins=["240.0.0.5"], created_at=0, kind=ExportKind.SERVICE),
        origin=origin,
        endpoints=endpoints,
    )
    registry = settled(Registry(settings()), reset("east", one, contact=60), reset("west"))
    registry.apply([SetFreshness(Freshness("east", SourceState.SILENT, 60))], 70)
    (told,) = explain(registry, "a.ns").contributors
    assert structs.asdict(told) == {
        "cluster": "east",
        "kind": "Service",
        "object": "Service ns/a",
        "file": "apps/a.yaml",
        "created_at": "1970-01-01T00:00:00Z",
        "source": "silent",
        "contact": "1970-01-01T00:01:00Z",
        "endpoints": 2,
        "ready_endpoints": 1,
        "pins": ("240.0.0.5",),
        "lost": False,
        "standing": "counted",
        "propagation_seconds": None,
    }


def test_ports_are_told_as_people_write_them():
    ports = (Port(80, "http", "HTTP"), Port(53, "dns", transport=Transport.UDP))
    registry = both(export("a.ns", ports=ports))
    assert explain(registry, "a.ns").ports == ("http 80/tcp HTTP", "dns 53/udp")


def test_a_host_is_named_in_each_of_its_zones():
    found = settled(Registry(settings(zones=("global", "mesh"))), reset("east", export("a.ns")))
    assert explain(found, "a.ns.mesh").names == ("a.ns.global", "a.ns.mesh")


def test_a_vip_that_has_no_holder_any_more_stands_for_the_last_host_that_had_it():
    dates = {"a.ns": 1, "b.ns": 3, "c.ns": 2}
    known = [claim(h, "240.128.0.7", at, retired_at=at + 1) for h, at in dates.items()]
    found = explain(Registry(settings(), known), "240.128.0.7")
    assert found.host == B
    assert [line.host for line in found.history] == ["b.ns", "c.ns", "a.ns"]


def test_what_nobody_offers_is_unknown_and_without_history():
    found = explain(both(), "nobody.ns")
    assert (found.state, found.vips, found.history, found.would_get) == ("unknown", (), (), ())


def test_a_number_on_its_way_to_the_ledger_is_what_the_host_would_get(registry):
    (new,) = registry.apply([Put(export("c.ns"))], 20).claims
    found = explain(registry, "c.ns")
    assert (found.state, found.vips) == ("unnumbered", ())
    assert found.would_get == (".".join(map(str, new.vip)),)
    assert [line.is_holding for line in found.history] == [False]


def test_a_host_that_needs_no_number_would_get_none():
    registry = both(export("a.ns", pins=["10.0.0.1"]), export("b.ns", resolution=Resolution.NONE))
    assert explain(registry, "a.ns").would_get == ()
    assert explain(registry, "b.ns").would_get == ()


def test_a_pin_that_is_claimed_is_not_called_outside_whatever_the_settings_say_now():
    registry = both(export("a.ns", pins=["240.0.0.5"]))
    registry.reconfigure(settings(pins=["241.0.0.0/8"]), 20)
    assert explain(registry, "a.ns").dropped == ()


def test_a_host_that_its_own_cluster_is_to_number_says_so():
    own = reset("west", export("a.ns", "west"), ledger=ledger("west"))
    registry = settled(Registry(settings()), own, reset("east"))
    found = explain(registry, "a.ns")
    assert (found.state, found.would_get) == ("unnumbered", ())
    assert found.paused == "west numbers its own hosts, and has not said this one's number"
    assert explain(registry, "a.ns", failure="another replica writes: b").paused == found.paused


def test_why_the_ledger_cannot_be_written_is_told(registry):
    assert explain(registry, "a.ns", failure="disk full").paused == "disk full"


def test_until_all_is_settled_a_cluster_that_is_only_remembered_is_waited_for():
    registry = Registry(settings())
    registry.apply([reset("west", state=SourceState.REMEMBERED), reset("east")], 10)
    before = explain(registry, "x.ns")
    assert (before.unheard, before.paused) == (("west",), "waiting for west or its grace")
    registry.settle(11)
    after = explain(registry, "x.ns")
    assert (after.unheard, after.paused) == ((), "")


def of_lost_clusters(names: LostNames, *, contact: int = 1) -> Registry:
    rules = LostRules(names=names)
    registry = Registry(settings(lost=rules))
    east = reset("east", export("a.ns"), contact=490)
    west = reset("west", export("a.ns", "west"), export("b.ns", "west"), contact=contact)
    return settled(registry, east, west, now=500)


def test_a_lost_contributor_says_so_and_how_its_endpoints_stand():
    found = explain(of_lost_clusters(LostNames()), "a.ns").contributors
    assert [(c.cluster, c.lost, c.standing) for c in found] == [
        ("east", False, "counted"),
        ("west", True, "demoted"),
    ]
    assert found[1].contact == "1970-01-01T00:00:01Z"


def test_an_export_that_counts_no_more_because_its_cluster_is_lost_is_named_with_its_age():
    registry = of_lost_clusters(LostNames(expire=0))
    found = explain(registry, "b.ns")
    assert (found.state, found.contributors) == ("lost", ())
    (dropped,) = found.dropped
    assert (dropped.cluster, dropped.rule) == ("west", "lost")
    assert "not in contact for 98 s" in dropped.detail
    assert [c.cluster for c in explain(registry, "a.ns").contributors] == ["east"]
