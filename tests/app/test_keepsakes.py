"""What a server that runs wants remembered."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from globaldns.app.keepsakes import view_keepsake, zone_keepsake
from globaldns.app.memory import ZONE, Keepsake
from globaldns.app.pace import Pace
from globaldns.dns.lastzone import decode_zone
from globaldns.exports.rules import ExportRules
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Marker
from globaldns.model.view import SetLedger, SourceState
from globaldns.sources.directory import DirectorySource
from globaldns.sources.remembered import FORMAT, as_remembered, decode_view, file_name
from tests.app.meshes import Turning
from tests.registry.mesh import A, Export, claim, export, reset, settings, vip
from tests.registry.mesh import ledger as ledger_of
from tests.sources.manifests import GRACE, RULES, at, entries, hosts, vip_ledger

ZONES = ("global",)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    marker = Marker("m", 0)
    with SqliteLedger.create(tmp_path / "ledger.db", cluster="east", marker=marker) as ledger:
        yield ledger


@pytest.fixture
def serve(turning: Callable[..., Turning]) -> Callable[..., Turning]:
    """Serve some exports with numbers that are written."""

    def serve(*exports: Export) -> Turning:
        served = turning(settings(clusters=("east",)))
        tell(served, *exports)
        return served

    return serve


def tell(served: Turning, *exports: Export) -> None:
    served.mesh.offer([reset("east", *exports)], 0.0)
    served.mesh.take_turn()
    served.mesh.acknowledge(served.registry.unwritten)


def keep(served: Turning) -> Keepsake:
    return zone_keepsake(served.mesh, cluster="east", marker="m")


def test_the_zone_is_what_is_answered_and_says_whose_it_is(serve: Callable[..., Turning]) -> None:
    served = serve(export("a.ns"), export("b.ns"))
    keepsake = keep(served)
    assert keepsake.name == ZONE
    last = decode_zone(keepsake.capture()(Pace()), ZONES)
    assert {entry.host: entry for entry in last.entries} == served.answers()
    header = last.header
    assert (header.cluster, header.marker) == ("east", "m")
    assert (header.serial, header.saved_at) == (served.scribe.serial, served.hands.wall)


def test_waits_for_addresses_are_remembered_with_the_zone(
    serve: Callable[..., Turning],
) -> None:
    served = serve(export("a.ns"))
    (moved,) = served.answers().values()
    served.mesh.publish(served.registry.renumber(["a.ns"], 20))
    served.mesh.acknowledge(served.registry.unwritten)
    last = decode_zone(keep(served).capture()(Pace()), ZONES)
    assert set(last.header.waits.handovers) == set(moved.vips)


def test_what_is_captured_is_the_same_while_it_is_written(
    serve: Callable[..., Turning],
) -> None:
    served = serve(export("a.ns"))
    encode = keep(served).capture()
    before = served.answers()
    tell(served, export("b.ns"))
    assert {entry.host: entry for entry in decode_zone(encode(Pace()), ZONES).entries} == before


def test_its_version_differs_when_the_zone_does(serve: Callable[..., Turning]) -> None:
    served = serve(export("a.ns"))
    first = keep(served).version
    served.mesh.take_turn()
    assert keep(served).version == first
    tell(served, export("a.ns"), export("b.ns"))
    assert keep(served).version != first


def test_its_version_differs_when_a_wait_ends_later(serve: Callable[..., Turning]) -> None:
    served = serve(export("a.ns"))
    waits = served.registry._handovers
    versions = set()
    for now in (20, 25):
        waits.begin(A, [vip("240.128.0.9")], now)
        versions.add(keep(served).version)
    assert len(versions) == 2


def test_its_version_differs_when_a_wait_is_over(serve: Callable[..., Turning]) -> None:
    served = serve(export("a.ns"))
    served.mesh.publish(served.registry.renumber(["a.ns"], 20))
    served.mesh.acknowledge(served.registry.unwritten)
    serial = served.scribe.serial
    waiting = keep(served).version
    served.hands.advance(200)
    served.mesh.take_turn()
    assert served.scribe.serial == serial
    assert keep(served).version != waiting


def source(root: Path, *, read: bool) -> DirectorySource:
    root.mkdir()
    (root / "f.yaml").write_text(entries("a", "b"))
    found = DirectorySource(root, RULES, grace=GRACE)
    if read:
        found.read_once(at(0))
    return found


def test_a_view_that_was_read_is_remembered_whole(
    serve: Callable[..., Turning], tmp_path: Path
) -> None:
    found = source(tmp_path / "east", read=True)
    keepsake = view_keepsake(serve().mesh, found, 7)
    assert keepsake is not None
    assert (keepsake.name, keepsake.version, keepsake.format) == (file_name("east"), 7, FORMAT)
    assert decode_view(keepsake.capture()(Pace()), "east") == as_remembered(found.view())


def test_what_stands_of_a_ledger_that_was_lost_is_remembered_with_the_view(
    serve: Callable[..., Turning], tmp_path: Path
) -> None:
    held = claim("a.ns", "240.128.0.9", 5, "west")
    mesh = serve().mesh
    mesh.offer([SetLedger("west", ledger_of("west", held))], 0.0)
    mesh.take_turn()
    root = tmp_path / "west"
    root.mkdir()
    (root / "f.yaml").write_text(vip_ledger("west", marker="another"))
    found = DirectorySource(root, ExportRules(cluster="west", zones=("global",)), grace=GRACE)
    found.read_once(at(0))
    keepsake = view_keepsake(mesh, found, 1)
    assert keepsake is not None
    remembered = decode_view(keepsake.capture()(Pace()), "west").ledger
    assert remembered == replace(found.view().ledger, former=(held,))


def test_a_view_is_captured_as_it_stands(serve: Callable[..., Turning], tmp_path: Path) -> None:
    found = source(tmp_path / "east", read=True)
    keepsake = view_keepsake(serve().mesh, found, 1)
    assert keepsake is not None
    encode = keepsake.capture()
    (tmp_path / "east/f.yaml").write_text(entries("a", "b", "c"))
    found.read_once(at(1))
    assert hosts(decode_view(encode(Pace()), "east")) == {"a", "b"}
    assert hosts(decode_view(keepsake.capture()(Pace()), "east")) == {"a", "b", "c"}


def test_a_view_that_is_silent_now_is_remembered_with_its_age(
    serve: Callable[..., Turning], tmp_path: Path
) -> None:
    found = source(tmp_path / "east", read=True)
    shutil.rmtree(tmp_path / "east")
    found.read_once(at(60))
    keepsake = view_keepsake(serve().mesh, found, 1)
    assert keepsake is not None
    freshness = decode_view(keepsake.capture()(Pace()), "east").freshness
    assert freshness is not None
    assert freshness.contact == at(0).wall


def test_what_was_not_read_in_this_run_stays_as_it_is_remembered(
    serve: Callable[..., Turning], tmp_path: Path
) -> None:
    mesh = serve().mesh
    never_read = source(tmp_path / "east", read=False)
    assert view_keepsake(mesh, never_read, 0) is None
    view = source(tmp_path / "other", read=True).view()
    remembered = DirectorySource(tmp_path / "none", RULES, grace=GRACE, remembered=view)
    assert remembered.freshness.state is SourceState.REMEMBERED
    assert view_keepsake(mesh, remembered, 0) is None
