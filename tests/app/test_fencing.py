"""Fences that people set by hand."""

from __future__ import annotations

import asyncio

import pytest

from globaldns.app.changing import fence_offline
from globaldns.app.fencing import (
    FILE,
    ORIGIN,
    FenceFile,
    accept_word,
    decide_word,
    read_words,
    refuse_unheld,
    report_fence,
    write_words,
)
from globaldns.app.offline import read_offline
from globaldns.errors import RequestRefused, StateError
from globaldns.model.host import Host
from globaldns.model.view import Fence, SetFences
from globaldns.registry.registry import Registry
from globaldns.state import StateDirectory
from tests.app.meshes import START, Place, block
from tests.app.servers import address_of, answer, controlled, numbered, running
from tests.registry.mesh import both, export, settings, settled
from tests.sources.manifests import entries

NOW = START + 100
pytestmark = pytest.mark.usefixtures("logs_as_before")


def word(cluster: str = "west", at: int = 5, *, fenced: bool = True, uid: str = "") -> Fence:
    return Fence(cluster, fenced, at, ORIGIN, uid)


@pytest.fixture
def place(place: Place) -> Place:
    """East has a host, west has it too and another one."""
    place.write("east", entries("a"))
    place.write("west", entries("a", "b"))
    return place


async def test_words_are_kept_for_the_next_run(state: StateDirectory) -> None:
    state.lock(START)
    file = FenceFile(state)
    await asyncio.gather(file.put(word("west")), file.put(word("north")))
    await file.put(word("west", 6, fenced=False))
    assert file.words == {"west": word("west", 6, fenced=False), "north": word("north")}
    assert FenceFile(state).words == file.words
    await file.drop("west")
    await file.drop("unknown")
    assert read_words(state) == {"north": word("north")}
    state.unlock()


async def test_a_word_that_cannot_be_kept_is_not_obeyed(state: StateDirectory) -> None:
    state.lock(START)
    file = FenceFile(state)
    unblock = block(state.path)
    with pytest.raises(StateError):
        await file.put(word())
    unblock()
    assert file.words == {}
    state.unlock()


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_damaged_file_is_told_and_fences_nobody(
    state: StateDirectory, caplog: pytest.LogCaptureFixture, *, is_sealed: bool
) -> None:
    state.lock(START)
    if is_sealed:
        state.write_checked(FILE, b"\x93")
    else:
        state.write(FILE, b"damage")
    with pytest.raises(StateError, match=FILE):
        read_words(state)
    assert FenceFile(state).words == {}
    assert "fences that were set by hand are not known" in caplog.text
    state.unlock()


def test_a_word_is_newer_than_every_other_word_on_its_cluster() -> None:
    registry = both(export("a.ns"))
    assert decide_word(registry, "west", fenced=True, now=50).at == 50
    registry.apply([SetFences("east", (word(at=70),))], 50)
    assert decide_word(registry, "west", fenced=False, now=50).at == 71
    registry.obey_words({"west": word(at=90)}, 50)
    assert decide_word(registry, "west", fenced=False, now=50).at == 91


def test_a_word_says_again_which_rebuilt_cluster_is_accepted_and_whether_it_is_fenced() -> None:
    registry = both(export("a.ns"))
    registry.apply([SetFences("east", (word(at=70),))], 50)
    accepted = accept_word(registry, "west", "u-2", now=50)
    assert accepted == word(at=71, uid="u-2"), "it is fenced as it was"
    registry.obey_words({"west": accepted}, 50)
    assert decide_word(registry, "west", fenced=False, now=50) == word(
        at=72, fenced=False, uid="u-2"
    )
    assert accept_word(both(export("a.ns")), "west", "u-2", now=50) == word(
        at=50, fenced=False, uid="u-2"
    )


def test_a_fence_that_no_cluster_holds_is_refused() -> None:
    refuse_unheld({})
    refuse_unheld({"north": "its account may not write there", "east": ""})
    with pytest.raises(RequestRefused, match="no cluster holds the word: north: its account"):
        refuse_unheld({"north": "its account may not write there"})


def test_a_word_that_nobody_would_obey_is_refused_with_the_remedy() -> None:
    registry = settled(Registry(settings(fenced=["west"])))
    with pytest.raises(RequestRefused, match="'nope' is no configured cluster") as unknown:
        decide_word(registry, "nope", fenced=True, now=50)
    assert unknown.value.hint == "the clusters are east, west"
    with pytest.raises(RequestRefused, match="west is fenced by the configuration") as refused:
        decide_word(registry, "west", fenced=False, now=50)
    assert refused.value.hint == "remove clusters.west.fenced there"


def test_a_second_id_of_a_cluster_is_not_fenced_in_its_place() -> None:
    registry = both(export("a.ns", "west"))
    registry.count_once({"west": "east"}, 20)
    with pytest.raises(RequestRefused, match="west is the same cluster as east") as refusal:
        decide_word(registry, "west", fenced=True, now=30)
    assert refusal.value.hint.startswith("globaldns cluster fence east")
    assert not decide_word(registry, "west", fenced=False, now=30).fenced


def test_a_fence_of_a_cluster_that_is_not_configured_any_more_can_be_ended() -> None:
    registry = both(export("a.ns"))
    registry.apply([SetFences("east", (word("gone", 70),))], 50)
    ended = decide_word(registry, "gone", fenced=False, now=50)
    assert (ended.fenced, ended.at) == (False, 71)
    report = report_fence(registry, ended)
    assert (report.changed, report.services) == (True, 0)
    registry.obey_words({"gone": ended}, 80)
    for fenced in (True, False):
        with pytest.raises(RequestRefused, match="'gone' is no configured cluster"):
            decide_word(registry, "gone", fenced=fenced, now=90)


def test_what_a_fence_does_is_told_before_and_what_its_end_does_too() -> None:
    registry = both(export("a.ns"), export("a.ns", "west"), export("b.ns", "west"))
    found = report_fence(registry, word())
    assert (found.fenced, found.changed, found.services, found.alone) == (True, True, 2, ("b.ns",))
    registry.obey_words({"west": word()}, 20)
    assert not report_fence(registry, word()).changed
    back = report_fence(registry, word(fenced=False))
    assert (back.fenced, back.changed, back.services, back.alone) == (False, True, 2, ("b.ns",))


async def test_a_fence_is_obeyed_when_it_is_told_and_after_a_restart(place: Place) -> None:
    async with running(place) as control:
        server = address_of(control)
        found = await control.changes.set_fence("west", True)
        assert (found.services, found.alone) == (2, ("b.ns",))
        assert await answer(server, "b.ns.global") == "NXDOMAIN"
        assert len(await answer(server, "a.ns.global")) == 1
    async with running(place) as control:
        server = address_of(control)
        assert control.registry.views.fenced == {"west"}
        assert control.registry.claims.held(Host("b.ns"))
        await control.changes.set_fence("west", False)
        assert len(await answer(server, "b.ns.global")) == 1


async def test_a_fence_that_cannot_be_kept_changes_nothing(place: Place) -> None:
    async with running(place) as control:
        unblock = block(control.fences._state.path)
        with pytest.raises(StateError):
            await control.changes.set_fence("west", True)
        unblock()
        assert control.registry.views.fenced == frozenset()


async def test_a_cluster_that_is_forgotten_has_no_word_left(place: Place) -> None:
    async with controlled(place) as control, numbered(control):
        await control.changes.set_fence("west", True)
        place.configure(clusters={"east": place.cluster("east")})
        control.reload({})
        found = await control.changes.forget("west", "")
        assert (found.vips, found.resting) == (2, ("b.ns",))
        assert control.fences.words == {}


def test_without_a_server_a_fence_is_kept_for_the_next(place: Place) -> None:
    found = fence_offline(place.config, "west", fenced=True, now=NOW)
    assert (found.changed, found.alone) == (True, ("b.ns",))
    mesh = read_offline(place.config, NOW)
    assert mesh.registry.views.fenced == {"west"}
    assert set(mesh.services) == {"a.ns"}
    assert not fence_offline(place.config, "west", fenced=True, now=NOW).changed
    fence_offline(place.config, "west", fenced=False, now=NOW)
    assert set(read_offline(place.config, NOW).services) == {"a.ns", "b.ns"}


def test_words_of_an_older_run_are_replaced_as_a_whole(state: StateDirectory) -> None:
    state.lock(START)
    write_words(state, [word("west"), word("north")])
    write_words(state, [word("east")])
    assert read_words(state).keys() == {"east"}
    state.unlock()
