"""What a person changes of the ledger while no server runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from globaldns.app.changing import (
    answers_of,
    fence_offline,
    forget_offline,
    import_offline,
    renumber_offline,
    report_moves,
)
from globaldns.app.offline import read_offline
from globaldns.config.schema import Config
from globaldns.errors import LedgerDamaged, LedgerError, RequestRefused, StateLocked
from globaldns.model.claim import ClaimKind
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet, Freshness, SourceState, View
from globaldns.registry.registry import Registry
from globaldns.sources.remembered import FORMAT, encode_view, file_name
from globaldns.state import StateDirectory
from tests.app.meshes import CLAIM, START, Place, inhabit
from tests.registry.mesh import claim, export, ledger, reset, settings, settled, vip

NOW = START + 100
A, B = Host("a.ns"), Host("b.ns")


@pytest.fixture
def place(place: Place) -> Place:
    """East exports two hosts; one is in the ledger."""
    return inhabit(place, CLAIM)


def answers(place: Place, *hosts: Host) -> list[tuple[bytes, ...]]:
    return list(answers_of(read_offline(place.config, NOW).registry, hosts).values())


def test_a_renumbered_host_has_moved_when_the_command_ends(place: Place) -> None:
    (move,) = renumber_offline(place.config, [A], NOW)
    assert (move.host, move.old, move.reason) == (A, ("240.128.0.7",), "renumbered")
    assert len(move.new) == 1
    assert move.new != move.old
    assert answers(place, A) == [(vip(move.new[0]),)]


def test_only_what_is_renumbered_is_written(place: Place) -> None:
    renumber_offline(place.config, [A], NOW)
    assert {(one.host, one.kind, one.is_retired) for one in place.remembered()} == {
        (A, ClaimKind.GIVEN, True),
        (A, ClaimKind.CHOSEN, False),
    }


def test_moves_are_told_by_host(place: Place) -> None:
    place.remember(claim("b.ns", "240.128.0.8", START))
    assert [move.host for move in renumber_offline(place.config, [B, A], NOW)] == [A, B]


def test_where_one_host_cannot_move_none_does(place: Place) -> None:
    with pytest.raises(RequestRefused, match=r"no\.such"):
        renumber_offline(place.config, [A, Host("no.such")], NOW)
    assert place.remembered() == (CLAIM,)


def test_an_import_counts_what_is_new_or_different(place: Place) -> None:
    other = claim("z.ns", "240.128.0.9", START)
    assert import_offline(place.config, [CLAIM, other], NOW) == 1
    assert import_offline(place.config, [CLAIM, other], NOW) == 0
    retired = CLAIM.retire(NOW, "withdrawn")
    assert import_offline(place.config, [retired, other], NOW) == 1
    assert set(place.remembered()) == {retired, other}


def test_an_import_into_a_lost_ledger_begins_it_anew(place: Place) -> None:
    (place.state.path / "ledger.db").unlink()
    assert import_offline(place.config, [CLAIM], NOW) == 1
    assert place.remembered() == (CLAIM,)


def test_an_import_sets_a_damaged_ledger_aside(place: Place) -> None:
    (place.state.path / "ledger.db").write_bytes(b"x" * 8192)
    assert import_offline(place.config, [CLAIM], NOW) == 1
    assert (place.state.path / f"ledger.db.damaged-{NOW}").read_bytes() == b"x" * 8192


def test_an_import_where_no_server_ever_was_makes_the_ledger(place: Place) -> None:
    place.configure(state="elsewhere")
    assert import_offline(place.config, [CLAIM], NOW) == 1
    assert answers(place, A) == [(CLAIM.vip,)]


def lose(place: Place) -> None:
    (place.state.path / "ledger.db").unlink()


def damage(place: Place) -> None:
    (place.state.path / "ledger.db").write_bytes(b"x" * 8192)


@pytest.mark.parametrize(("spoil", "kind"), [(lose, LedgerError), (damage, LedgerDamaged)])
def test_renumbering_never_begins_a_ledger_anew(
    spoil: Callable[[Place], None], kind: type[LedgerError], place: Place
) -> None:
    spoil(place)
    before = place.files()
    with pytest.raises(kind):
        renumber_offline(place.config, [A], NOW)
    after = place.files()
    del after["state/lock"]
    assert after == before


CHANGES: list[Callable[[Config], object]] = [
    lambda config: renumber_offline(config, [A], NOW),
    lambda config: import_offline(config, [claim("z.ns", "240.128.0.9", START)], NOW),
    lambda config: fence_offline(config, "west", fenced=True, now=NOW),
]


@pytest.mark.parametrize("change", CHANGES, ids=["renumber", "import", "fence"])
def test_nothing_changes_while_a_server_holds_the_state_directory(
    change: Callable[[Config], object], place: Place
) -> None:
    server = StateDirectory(place.config.state)
    server.lock(START)
    with pytest.raises(StateLocked, match="is held by process"):
        change(place.config)
    server.unlock()
    assert place.remembered() == (CLAIM,)


def test_a_shared_ledger_is_changed_by_who_writes_it_only(place: Place) -> None:
    clusters = {"east": {"source": {"kubernetes": {"kubeconfig": "absent"}}}}
    config = place.configure(clusters=clusters, vips={"ledger": {"kubernetes": {}}})
    changes: list[Callable[[], object]] = [
        lambda: import_offline(config, [CLAIM], NOW),
        lambda: forget_offline(config, "west", NOW),
    ]
    for change in changes:
        with pytest.raises(RequestRefused, match="in Kubernetes") as refused:
            change()
        assert refused.value.hint.startswith("kubectl -n globaldns exec -i POD -- globaldns ")


@pytest.mark.parametrize("change", CHANGES, ids=["renumber", "import", "fence"])
def test_the_state_directory_is_free_afterwards(
    change: Callable[[Config], object], place: Place
) -> None:
    change(place.config)
    assert place.state.holder() is None


def test_it_is_free_after_a_refusal_too(place: Place) -> None:
    with pytest.raises(RequestRefused):
        renumber_offline(place.config, [Host("no.such")], NOW)
    assert place.state.holder() is None


def test_what_is_not_answered_has_no_addresses() -> None:
    registry = settled(Registry(settings()), reset("east", export("a.ns")))
    found = answers_of(registry, [A, Host("no.such")])
    assert found == {A: registry.services[A].vips, Host("no.such"): ()}


def test_a_move_to_nothing_is_told_as_it_is() -> None:
    (move,) = report_moves({A: (vip("240.0.0.1"), vip("240.0.0.2"))}, {A: ()})
    assert (move.old, move.new) == (("240.0.0.1", "240.0.0.2"), ())


def test_a_dropped_cluster_is_forgotten_with_its_copy_and_its_word(place: Place) -> None:
    said = claim("z.ns", "240.128.0.9", START, "away")
    with place.open_ledger() as file:
        file.copy("away", ClaimSet(), ledger("away", said))
    place.remember(claim("a.ns", "240.128.0.7", START, "gone"))
    found = forget_offline(place.config, "away", NOW)
    assert (found.vips, found.resting) == (1, ("z.ns",))
    assert forget_offline(place.config, "gone", NOW).resting == ()
    ended = {one.cluster for one in place.remembered() if one.is_retired}
    assert ended == {"away", "gone"}
    with place.open_ledger() as file:
        assert file.copies() == {}
    with pytest.raises(RequestRefused, match="east is configured"):
        forget_offline(place.config, "east", NOW)


def test_what_a_forgotten_cluster_said_and_which_it_was_is_not_remembered(place: Place) -> None:
    view = View("gone", freshness=Freshness("gone", SourceState.SYNCED, NOW), uid="old")
    place.state.write_checked(file_name("gone"), encode_view(view, ()), version=FORMAT)
    place.remember(claim("a.ns", "240.128.0.7", START, "gone"))
    forget_offline(place.config, "gone", NOW)
    assert place.state.names("views") == ()
