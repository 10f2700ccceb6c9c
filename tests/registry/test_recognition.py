"""Which cluster a name stands for, by people's words, our ledger, and what the others say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from globaldns.model.claim import Claim
from globaldns.model.head import Uids
from globaldns.model.view import Fence, Reset, SetLedger
from globaldns.registry.claims import Claims
from globaldns.registry.findings import mesh_findings
from globaldns.registry.recognition import differing_words, known_uids, remember_uids
from globaldns.registry.registry import Registry
from globaldns.registry.views import Views
from tests.registry.mesh import claim, export, ledger, reset, settings, settled

CLUSTERS = ("east", "north", "south", "west")
ORIGIN = export("x.ns").origin


def claims(*held: Claim) -> Claims:
    return Registry(settings(clusters=CLUSTERS), held).claims


HELD = claims(claim("a.ns", "240.128.0.9", 1, "gone"))
Said = dict[str, dict[str, str]]
"""By speaker, what it says of clusters."""
UIDS = st.dictionaries(st.sampled_from((*CLUSTERS, "gone")), st.sampled_from("abc"), max_size=4)


def views(said: Said, *, ours: Uids = (), words: tuple[Fence, ...] = ()) -> Views:
    found = Views(settings(clusters=CLUSTERS))
    for speaker, uids in said.items():
        told = structs.replace(ledger(speaker), uids=tuple(sorted(uids.items())))
        found.reset(reset(speaker))
        found.set_ledger(SetLedger(speaker, told))
    found.uids = ours
    found.set_words({str(number): word for number, word in enumerate(words)})
    return found


def word(uid: str, at: int = 5, target: str = "west") -> Fence:
    return Fence(target, False, at, ORIGIN, uid)


@pytest.mark.parametrize(
    ("said", "ours", "words", "known"),
    [
        ({}, (), (), None),
        ({"north": {"east": "e"}}, (), (), None),
        ({"north": {"west": "old"}}, (), (), "old"),
        ({"west": {"west": "new"}}, (), (), None),
        ({"west": {"west": "new"}, "north": {"west": "old"}}, (), (), "old"),
        ({"north": {"west": "x"}, "south": {"west": "old"}}, (("west", "old"),), (), "old"),
        ({"north": {"west": "x"}, "south": {"west": "x"}}, (("west", "old"),), (), "old"),
        ({"north": {"west": "x"}, "south": {"west": "old"}}, (), (), "x"),
        ({"gone": {"west": "x"}}, (), (), None),
        ({"north": {"west": "old"}}, (("west", "old"),), (word("new"),), "new"),
        ({}, (), (word("newer", 6), word("new", 5), word("", 7)), "newer"),
    ],
    ids=[
        *("fresh", "of others", "a survivor", "itself", "itself and a survivor"),
        *("our own", "our own before all others", "a tie", "one that is not configured"),
        *("an accepted one", "the newest word"),
    ],
)
def test_a_name_stands_for_the_cluster_that_is_known_by_it(
    said: Said, ours: Uids, words: tuple[Fence, ...], known: str | None
) -> None:
    assert known_uids(views(said, ours=ours, words=words)).get("west") == known


def test_what_most_of_the_others_say_counts_where_ours_says_nothing() -> None:
    said = {name: {"east": uid} for name, uid in zip(CLUSTERS[1:], ("a", "a", "b"), strict=True)}
    assert known_uids(views(said)) == {"east": "a"}
    twice = views(said)
    twice.set_doubles({"north": "south"})
    assert known_uids(twice) == {"east": "b"}, "a cluster that is read twice speaks once"


@given(st.dictionaries(st.sampled_from(CLUSTERS[1:]), UIDS), UIDS, UIDS)
def test_what_is_remembered_once_nothing_but_a_word_changes(
    said: Said, ours: dict[str, str], read: dict[str, str]
) -> None:
    known = remember_uids(views(said, ours=tuple(sorted(ours.items()))), HELD, read)
    assert dict(known).items() >= ours.items()
    assert {*dict(known)} <= {*CLUSTERS, *ours}
    others = {name: dict.fromkeys(dict(known), "other") for name in said}
    rebuilt = dict.fromkeys(dict(known), "rebuilt")
    assert remember_uids(views(others, ours=known), HELD, rebuilt) == known
    accepted = remember_uids(views(others, ours=known, words=(word("new"),)), HELD, rebuilt)
    assert dict(accepted) == {**dict(known), "west": "new"}


@given(st.dictionaries(st.sampled_from(CLUSTERS[1:]), UIDS), UIDS)
def test_every_replica_of_a_cluster_takes_a_name_for_the_same_cluster(
    said: Said, ours: dict[str, str]
) -> None:
    mine = tuple(sorted(ours.items()))
    backwards = dict(reversed(said.items()))
    assert known_uids(views(said, ours=mine)) == known_uids(views(backwards, ours=mine))


def test_of_a_cluster_that_is_read_first_what_is_read_is_remembered() -> None:
    read = {"east": "e", "west": "", "gone": "g"}
    assert remember_uids(views({}), claims(), read) == (("east", "e"),)


def test_a_cluster_that_is_not_configured_is_known_until_its_vips_are_released() -> None:
    found, held = views({}, ours=(("gone", "g"),)), claim("a.ns", "240.128.0.9", 1, "gone")
    assert remember_uids(found, claims(held), {}) == (("gone", "g"),)
    assert remember_uids(found, claims(held.retire(5, "forgotten")), {}) == ()
    assert remember_uids(found, claims(), {}) == ()


def test_who_takes_a_name_for_another_cluster_is_told() -> None:
    found = views({"north": {"west": "x"}, "south": {"west": "old", "east": "y"}})
    found.uids = (("west", "old"), ("east", "e"))
    assert differing_words(found) == {"west": ("north",), "east": ("south",)}
    registry = Registry(settings(clusters=("east", "north", "west")))
    said = structs.replace(ledger("north"), uids=(("west", "x"),))
    settled(registry, reset("east"), reset("west"), Reset(reset("north", ledger=said).view))
    registry.views.uids = (("west", "old"),)
    (finding,) = mesh_findings(registry)["west"]
    assert finding.code == "known-otherwise"
    assert finding.reason.startswith("north takes another cluster for it than we do")
    registry.views.uids = (("west", "x"),)
    assert mesh_findings(registry) == {}
