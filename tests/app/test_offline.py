"""A mesh read once from its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from globaldns.app.membership import FILE as MEMBERS
from globaldns.app.offline import look_offline, read_mesh, read_offline
from globaldns.errors import LedgerError
from globaldns.model.claim import format_claim
from globaldns.model.export import ExportKind
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import ClaimSet, SourceState, View
from globaldns.sources.remembered import FORMAT, encode_view, file_name
from tests.app.meshes import GATEWAY, START, Place, inhabit
from tests.registry.mesh import claim, export, ledger, vip
from tests.sources.manifests import entries, entry, vip_ledger

A = Host("a.ns")
CLAIM = claim("a.ns", "240.128.0.7", START)
LOST = claim("c.ns", "240.128.0.99", START, "west")
GONE = claim("g.ns", "240.128.0.98", START, "gone")


@pytest.fixture
def place(place: Place) -> Place:
    return inhabit(place)


def test_reading_creates_nothing(place: Place) -> None:
    before = place.files()
    mesh = read_offline(place.config, START)
    assert (mesh.config, mesh.now) == (place.config, START)
    assert place.files() == before
    assert not place.state.path.exists()


def test_a_host_without_number_shows_the_one_that_it_would_get(place: Place) -> None:
    mesh = read_offline(place.config, START)
    assert mesh.services[A].state is ServiceState.UNNUMBERED
    assert {one.host for one in mesh.registry.unwritten} == {"a.ns", "b.ns", "c.ns"}
    assert mesh.registry.unwritten == read_offline(place.config, START).registry.unwritten


def test_a_host_in_the_ledger_has_its_number(place: Place) -> None:
    place.remember(CLAIM)
    before = place.files()
    service = read_offline(place.config, START).services[A]
    assert (service.state, service.vips) == (ServiceState.READY, (CLAIM.vip,))
    assert place.files() == before


def test_claims_that_are_no_ledgers_can_be_read_beside_the_mesh(place: Place) -> None:
    place.remember(CLAIM)
    other = claim("a.ns", "240.128.0.99", START)
    assert read_mesh(place.config, (other,), {}, START).services[A].vips == (vip("240.128.0.99"),)


def test_a_lost_ledger_is_not_taken_for_a_first_start(place: Place) -> None:
    place.remember(CLAIM)
    (place.state.path / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="it is lost"):
        read_offline(place.config, START)


def test_every_file_of_every_cluster_is_counted(place: Place) -> None:
    place.write("west", entries("d"), "g.yaml")
    assert read_offline(place.config, START).files == 3


def test_it_says_how_each_directory_could_be_read(place: Place) -> None:
    shutil.rmtree(place.folder / "west")
    found = read_offline(place.config, START).freshness()
    assert {cluster: one.state for cluster, one in found.items()} == {
        "east": SourceState.SYNCED,
        "west": SourceState.WAITING,
    }
    assert found["east"].contact == START
    assert "its directory cannot be read" in found["west"].reason


def test_where_a_directory_is_missing_its_remembered_view_stands(place: Place) -> None:
    view = read_offline(place.config, START).sources["west"].view()
    place.remember(CLAIM)
    place.state.write_checked(file_name("west"), encode_view(view, view.exports), version=FORMAT)
    shutil.rmtree(place.folder / "west")
    mesh = read_offline(place.config, START)
    assert Host("c.ns") in mesh.services
    assert mesh.freshness()["west"].state is SourceState.REMEMBERED


def test_what_a_cluster_said_in_a_ledger_that_it_lost_stands(place: Place) -> None:
    place.write("west", vip_ledger("west", format_claim(LOST)), "ledger.yaml")
    view = read_offline(place.config, START).sources["west"].view()
    place.remember()
    place.state.write_checked(file_name("west"), encode_view(view, view.exports), version=FORMAT)
    place.write("west", vip_ledger("west", marker="another"), "ledger.yaml")
    assert read_offline(place.config, START).services[LOST.host].vips == (LOST.vip,)


def test_a_copy_of_a_ledger_is_newer_than_what_is_remembered(place: Place) -> None:
    view = read_offline(place.config, START).sources["west"].view()
    with place.open_ledger() as file:
        file.copy("west", ClaimSet(), ledger("west", LOST))
        file.copy("gone", ClaimSet(), ledger("gone", GONE))
    place.state.write_checked(file_name("west"), encode_view(view, view.exports), version=FORMAT)
    shutil.rmtree(place.folder / "west")
    registry = read_offline(place.config, START).registry
    assert registry.services[LOST.host].vips == (LOST.vip,)
    assert registry.claims.holder(GONE.vip) == GONE


def test_the_gateways_of_one_cluster_make_the_entries_of_others_routes(place: Place) -> None:
    place.write("east", GATEWAY, "gateway.yaml")
    place.write("west", entry("a").replace("10.0.0.1", "203.0.113.9"))
    exports = {
        export.cluster: export.kind
        for export in read_offline(place.config, START).services[A].contributions
    }
    assert exports == {"east": ExportKind.SERVICE_ENTRY, "west": ExportKind.ROUTE}


def test_without_a_server_nobody_watches_gateways(place: Place) -> None:
    place.write("west", GATEWAY, "gateway.yaml")
    assert read_offline(place.config, START).reach == {}


def test_what_is_wrong_in_one_file_and_between_clusters_is_found_with_its_line(
    place: Place,
) -> None:
    place.write("east", entries("a", "b") + "---\nx: [\n", "g.yaml")
    place.write("west", entry("a").replace("protocol: HTTP", "protocol: GRPC"))
    found = read_offline(place.config, START).findings()
    assert [(one.cluster, one.code, Path(one.file).name, one.line > 0) for one in found] == [
        ("east", "unreadable-file", "g.yaml", True),
        ("west", "port-protocol", "f.yaml", True),
    ]


def test_a_ledger_that_cannot_be_read_cannot_be_written_either(place: Place) -> None:
    place.remember(CLAIM)
    assert look_offline(place.config, START).ledger_trouble is None
    (place.state.path / place.config.vips.ledger.file).write_bytes(b"no ledger" * 1000)
    trouble = look_offline(place.config, START).ledger_trouble
    assert trouble is not None
    assert trouble.hint
    assert str(trouble) in [one.reason for one in look_offline(place.config, START).findings()]


def test_clusters_that_a_server_knew_are_told_where_remote_secrets_cannot_be_read(
    place: Place,
) -> None:
    views = {name: View(name, (export("w.ns", name),), uid="u-1") for name in ("west", "west-too")}
    config = place.configure(
        clusters={"east": place.cluster("east")}, remote_secrets={"directory": "nowhere"}
    )
    place.state.lock(START)
    place.state.write_checked(MEMBERS, msgspec.msgpack.encode(dict.fromkeys(views)))
    for name, view in views.items():
        payload = encode_view(view, view.exports)
        place.state.write_checked(file_name(name), payload, version=FORMAT)
    place.state.unlock()
    mesh = look_offline(config, START)
    assert set(mesh.freshness()) == {"east", *views}
    found = {(one.cluster, one.code): one.reason for one in mesh.findings()}
    assert "same cluster as west" in found["west-too", "double-cluster"]
    assert "nowhere/*" in found["west", "unreadable"]
