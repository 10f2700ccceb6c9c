"""What a scrape reads of a server's parts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from globaldns.app.figures import mesh_figures
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.metrics import MeshFigures, SourceFigures
from globaldns.model.export import Gateway, Port
from globaldns.model.lost import LostRules
from globaldns.model.reach import GatewayState, Reach
from globaldns.model.snapshot import ZoneDelta, to_entry
from globaldns.model.view import Reset, SetLedger
from globaldns.registry.registry import Registry
from globaldns.sources.directory import DirectorySource
from globaldns.sources.secrets import Refused
from tests.registry.mesh import export, ledger, remember, reset, settings, settled
from tests.sources.manifests import GRACE, at, entry, misshapen, refused
from tests.sources.manifests import RULES as EXPORT_RULES

WALL = at(0).wall


def figures(
    registry: Registry | None = None, scribe: Scribe | None = None, **parts: Any
) -> MeshFigures:
    known = {"sources": {}, "wall": WALL, "steady": 100.0} | parts
    return mesh_figures(registry or Registry(settings()), scribe or Scribe(Table()), **known)


def test_before_anything_was_published_there_is_no_age_and_no_serial() -> None:
    found = figures()
    assert (found.serial, found.zones, found.zone_age, found.services) == (
        0,
        {"global": 0},
        None,
        0,
    )


def test_the_zones_say_their_serial_names_and_age() -> None:
    registry = settled(Registry(settings()), reset("east", export("a.ns")), reset("west"))
    scribe = Scribe(Table())
    puts = tuple(map(to_entry, registry.services.values()))
    scribe.apply(ZoneDelta(serial=2026, complete=True, puts=puts))
    scribe.confirm(97.5)
    found = figures(registry, scribe)
    assert (found.serial, found.zones, found.zone_age) == (2026, {"global": 1}, 2.5)
    assert found.services == 1


def test_conflicts_are_counted_by_their_rule() -> None:
    theirs = (Port(80, "http", "TCP"),)
    registry = settled(
        Registry(settings()),
        reset("east", export("a.ns"), export("b.ns")),
        reset("west", *(export(name, "west", ports=theirs) for name in ("a.ns", "b.ns"))),
    )
    assert figures(registry).conflicts == {"port-protocol": 2}


def test_remote_secrets_that_are_not_used_are_rejected_objects_of_our_own_cluster() -> None:
    harmless = Refused("Secret a", "east", "own", is_harmless=True)
    wrong = (Refused("Secret b", "north", "no"), Refused("Secret ns/*", "", "may not be read"))
    file = Refused("Kubeconfig /a", "south", "no")
    assert figures(refused_secrets=(harmless, *wrong, file)).rejected == {
        ("east", "Secret"): 2,
        ("east", "Kubeconfig"): 1,
    }


def test_pools_say_how_full_they_are() -> None:
    registry = settled(
        Registry(settings(pools=("240.128.0.0/24", "240.129.0.0/24"))),
        reset("east", export("a.ns"), export("b.ns"), export("c.ns")),
        reset("west"),
    )
    remember(registry, registry.apply([reset("east", export("a.ns"))], 11), 11)
    assert figures(registry).vips == {
        ("240.128.0.0/24", "held"): 1,
        ("240.128.0.0/24", "resting"): 2,
        ("240.128.0.0/24", "free"): 251,
        ("240.129.0.0/24", "held"): 0,
        ("240.129.0.0/24", "resting"): 0,
        ("240.129.0.0/24", "free"): 254,
    }


@pytest.fixture
def source(tmp_path: Path) -> DirectorySource:
    (tmp_path / "east").mkdir()
    (tmp_path / "east/f.yaml").write_text(entry("a") + refused("b") + misshapen("c"))
    return DirectorySource(tmp_path / "east", EXPORT_RULES, grace=GRACE)


def test_a_source_that_was_not_read_is_neither_up_nor_synced(source: DirectorySource) -> None:
    found = figures(sources={"east": source})
    assert found.sources == (SourceFigures("east", is_up=False, is_synced=False, age=None),)
    assert found.rejected == {}


def test_a_source_that_is_read_is_up_and_counts_what_it_refuses(source: DirectorySource) -> None:
    source.read_once(at(-7))
    found = figures(sources={"east": source})
    assert found.sources == (SourceFigures("east", is_up=True, is_synced=True, age=7),)
    assert found.rejected == {("east", "ServiceEntry"): 2}


def test_a_source_of_which_a_file_was_never_read_is_not_synced(source: DirectorySource) -> None:
    (source.root / "g.yaml").write_text("a: [")
    source.read_once(at(-7))
    found = figures(sources={"east": source})
    assert found.sources == (SourceFigures("east", is_up=True, is_synced=False, age=7),)


def test_a_source_that_fell_silent_is_synced_and_not_up(source: DirectorySource) -> None:
    source.read_once(at(-60))
    shutil.rmtree(source.root)
    source.read_once(at(-30))
    found = figures(sources={"east": source})
    assert found.sources == (SourceFigures("east", is_up=False, is_synced=True, age=60),)


def test_a_source_that_is_only_remembered_is_not_synced(source: DirectorySource) -> None:
    source.read_once(at(-60))
    remembered = DirectorySource(source.root, EXPORT_RULES, grace=GRACE, remembered=source.view())
    found = figures(sources={"east": remembered})
    assert found.sources == (SourceFigures("east", is_up=False, is_synced=False, age=60),)


def test_no_age_is_below_nought(source: DirectorySource) -> None:
    source.read_once(at(30))
    assert figures(sources={"east": source}).sources[0].age == 0


def test_gateways_are_counted_by_cluster_and_network_and_unknown_ones_are_up() -> None:
    def gateway(last: int, cluster: str = "west") -> Gateway:
        return Gateway("network2", f"203.0.113.{last}", 15443, cluster)

    reach = {
        gateway(1): Reach(state=GatewayState.UP),
        gateway(2): Reach(state=GatewayState.DOWN),
        gateway(3): Reach(),
        gateway(4, "north"): Reach(state=GatewayState.DOWN),
    }
    found = figures(reach=reach)
    assert found.gateways == {("west", "network2"): 3, ("north", "network2"): 1}
    assert found.gateways_up == {("west", "network2"): 2, ("north", "network2"): 0}
    assert figures().gateways == {}


def test_a_source_that_was_long_without_contact_is_lost(source: DirectorySource) -> None:
    source.read_once(at(-300))
    registry = Registry(settings(lost=LostRules()))
    settled(registry, Reset(source.view()), now=WALL)
    (found,) = figures(registry, sources={"east": source}).sources
    assert (found.is_up, found.age, found.is_lost) == (True, 300, True)


def test_a_source_whose_cluster_is_configured_otherwise_is_told(source: DirectorySource) -> None:
    other = structs.replace(settings(), quarantine=5).fingerprint
    registry = settled(Registry(settings(cluster="west")), reset("west"), now=WALL)
    for said, is_mismatched in ((other, True), (settings().fingerprint, False)):
        told = SetLedger("east", structs.replace(ledger("east"), fingerprint=said))
        registry.apply([told], WALL)
        (found,) = figures(registry, sources={"east": source}).sources
        assert found.is_mismatched is is_mismatched


def test_a_source_of_a_cluster_that_counts_under_another_id_is_told(
    source: DirectorySource,
) -> None:
    registry = settled(Registry(settings(cluster="west")), reset("west"), now=WALL)
    for doubles in ({"east": "west"}, {}):
        registry.count_once(doubles, WALL)
        (found,) = figures(registry, sources={"east": source}).sources
        assert found.is_double is bool(doubles)


def test_a_source_to_which_another_cluster_answers_is_told() -> None:
    class Rebuilt(DirectorySource):
        @property
        def another(self) -> str:
            return "its UID"

    for kind, is_other in ((DirectorySource, False), (Rebuilt, True)):
        source = kind(Path(), EXPORT_RULES, grace=GRACE)
        (found,) = figures(sources={"east": source}).sources
        assert found.is_other is is_other


def test_what_routes_do_not_serve_is_counted_by_its_code() -> None:
    assert figures(notices={"no-vip": 2, "no-gateway": 1}).notices == {"no-vip": 2, "no-gateway": 1}
    assert figures().notices == {}
