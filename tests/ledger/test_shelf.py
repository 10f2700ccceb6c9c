"""What is known of a ledger's objects, and what is to be written again."""

from __future__ import annotations

import pytest

from globaldns.errors import LedgerError
from globaldns.ledger.objects import Held
from globaldns.ledger.shards import ShardId
from globaldns.ledger.shelf import News, ShardChange, Shelf, compare_copies, dropping
from globaldns.model.claim import Marker, format_claims
from globaldns.model.view import ClaimSet
from tests.ledger.shelves import (
    COPY,
    DEPUTY,
    FIRST,
    FORMER,
    OWN,
    SECOND,
    START,
    claim,
    held,
)

ONE, TWO, THREE = claim("a.ns"), claim("b.ns", "240.128.0.2"), claim("c.ns", "240.128.0.3")
ENDED = THREE.retire(START + 5, "withdrawn")
NAME = "own-001"
NO_NEWS = News()


def listed(*objects: Held) -> Shelf:
    """Return a shelf after its first whole list."""
    shelf = Shelf()
    list_again(shelf, *objects)
    shelf.read_all()
    return shelf


def list_again(shelf: Shelf, *objects: Held) -> list[News]:
    shelf.begin_list()
    return [*(shelf.see(one, is_listing=True) for one in objects), shelf.end_list()]


def test_the_first_list_is_all_that_is_known() -> None:
    shelf = Shelf()
    copied = [claim("d.ns", cluster="west")]
    said = [held([ONE], 3), held([TWO], 4, role=DEPUTY, cluster="flat")]
    copies = [held(copied, 5, role=COPY, cluster="west", marker=SECOND)]
    list_again(shelf, *said, *copies)
    assert not shelf.is_listed
    assert shelf.read_all() == ([ONE, TWO], {"west": ClaimSet(SECOND, tuple(copied))})
    assert shelf.is_listed
    assert (shelf.marker, shelf.broken) == (FIRST, set())
    assert shelf.clusters == {"east", "flat", "west"}
    assert shelf.names == {one.name for one in (*said, *copies)}


def test_of_several_markers_the_newest_is_the_ledgers_and_the_others_are_written_anew() -> None:
    shelf = listed(held([ONE], 3), held([], 9, number=0, marker=SECOND))
    assert (shelf.marker, shelf.broken) == (SECOND, {NAME})


LATEST, FUTURE = START + 100, Marker("future", START + 101)


def test_an_object_that_says_it_is_of_a_newer_ledger_than_the_first_is_written_anew() -> None:
    first = held([], 3, number=0)
    for objects in ((held([ONE], 4, marker=SECOND), first), (first, held([ONE], 4, marker=SECOND))):
        shelf = listed(*objects)
        assert (shelf.marker, shelf.broken) == (FIRST, {NAME})
        assert [one.name for one in shelf.of_another_ledger()] == [NAME]
        assert shelf.merge(ShardId(OWN, "east", 1), ShardChange()) == format_claims([ONE])
    shelf = listed(first, held([ONE], 4))
    shelf.see(held([ONE], 5, marker=SECOND))
    assert (shelf.marker, shelf.broken) == (FIRST, {NAME})


def test_no_object_is_of_a_ledger_that_is_begun_in_the_future() -> None:
    shelf = Shelf(lambda: LATEST)
    list_again(shelf, held([], 3, number=0, marker=FUTURE), held([ONE], 4))
    assert shelf.read_all()[0] == [ONE]
    assert (shelf.marker, shelf.broken) == (FIRST, {"own-000"})
    shelf = Shelf(lambda: LATEST)
    list_again(shelf, held([], 3, number=0), held([ONE], 4))
    shelf.read_all()
    shelf.see(held([], 5, number=0, marker=FUTURE))
    assert (shelf.marker, shelf.broken) == (FIRST, {"own-000"})
    shelf.see(held([], 6, number=0, marker=SECOND))
    assert shelf.marker == SECOND


def test_another_clusters_object_in_the_place_of_ours_loses_nothing_and_is_not_written() -> None:
    shelf, shard = listed(held([], 3, number=0), held([ONE], 4)), ShardId(OWN, "east", 1)
    assert shelf.see_stranger(NAME, "is the ledger of 'west'") == NO_NEWS
    assert (shelf.broken, shelf.get(shard)) == ({NAME}, None)
    assert shelf.all_names == {"own-000", NAME}
    with pytest.raises(LedgerError, match="VIPLedger own-001 is the ledger of 'west'") as failure:
        shelf.merge(shard, ShardChange(added=(TWO,)))
    assert failure.value.hint == "delete it"
    shelf.lose(NAME)
    assert shelf.merge(shard, ShardChange(added=(TWO,))) == format_claims([ONE, TWO])


def test_a_stranger_that_a_list_does_not_show_is_gone() -> None:
    shelf, shard = listed(held([], 3, number=0)), ShardId(OWN, "east", 1)
    shelf.see_stranger(NAME, "is no object")
    list_again(shelf, held([], 3, number=0))
    assert shelf.all_names == {"own-000"}
    assert shelf.merge(shard, ShardChange(added=(TWO,))) == format_claims([TWO])


def test_what_is_only_a_copy_is_no_ledger() -> None:
    shelf = listed(held([ONE], 3, role=COPY, cluster="west"))
    assert shelf.marker is None


@pytest.mark.parametrize(
    ("said", "news", "is_broken"),
    [
        ([ONE, ENDED], NO_NEWS, False),
        ([ENDED, ONE], NO_NEWS, False),
        ([ONE, ENDED, TWO], News(new=(TWO,)), False),
        ([ONE.retire(START, "x"), ENDED], News(new=(ONE.retire(START, "x"),)), False),
        ([ONE], News(gone=(ENDED,)), False),
        ([ENDED], NO_NEWS, True),
        ([], NO_NEWS, True),
        ([TWO], News(new=(TWO,)), True),
        ([ONE, THREE], NO_NEWS, True),
        ([ONE, THREE.retire(START + 9, "later")], NO_NEWS, True),
        (
            [ONE, THREE.retire(START + 1, "earlier")],
            News(new=(THREE.retire(START + 1, "earlier"),)),
            False,
        ),
    ],
    ids=[
        *("same", "unsorted", "added", "ended", "forgotten", "lost", "emptied", "another instead"),
        *("revived", "ended later", "ended earlier"),
    ],
)
def test_what_an_object_says_is_compared_with_what_was_known_of_it(
    said: list,
    news: News,
    *,
    is_broken: bool,
) -> None:
    shelf = listed(held([ONE, ENDED], 3))
    text = "".join(format_claims([one]) for one in said)
    assert shelf.see(held(text, 4)) == news
    assert shelf.broken == ({NAME} if is_broken else set())


def test_what_was_lost_is_written_with_what_is_there_and_history_too() -> None:
    shelf = listed(held([ONE, ENDED], 3))
    shelf.see(held([TWO], 4))
    assert shelf.merge(ShardId(OWN, "east", 1), ShardChange()) == format_claims([ONE, TWO, ENDED])


def test_one_that_is_whole_again_is_not_broken_any_more() -> None:
    """Another replica has written it."""
    shelf = listed(held([ONE, TWO], 3))
    shelf.see(held([ONE], 4))
    assert shelf.broken == {NAME}
    assert shelf.see(held([ONE, TWO], 5)) == NO_NEWS
    assert shelf.broken == set()


@pytest.mark.parametrize(
    ("known", "gone", "is_broken"),
    [([ONE, ENDED], (), True), ([ENDED], (ENDED,), False), ([], (), False)],
    ids=["lost", "forgotten", "empty"],
)
def test_an_object_that_is_gone_was_lost_if_anything_in_it_had_not_ended(
    known: list,
    gone: tuple,
    *,
    is_broken: bool,
) -> None:
    shelf = listed(held(known, 3), held([], 2, number=0))
    assert shelf.lose(NAME) == News(gone=gone)
    assert shelf.broken == ({NAME} if is_broken else set())
    shard = ShardId(OWN, "east", 1)
    assert shelf.get(shard) is None
    assert shelf.merge(shard, ShardChange()) == (format_claims(known) if is_broken else None)


def test_the_object_that_says_that_there_is_a_ledger_is_written_again_though_it_was_empty() -> None:
    shelf = listed(held([], 3, number=0))
    shelf.lose("own-000")
    assert shelf.broken == {"own-000"}
    assert shelf.find("own-000") == ShardId(OWN, "east", 0)
    assert shelf.merge(ShardId(OWN, "east", 0), ShardChange()) == ""


@pytest.mark.parametrize("is_deleted", [True, False])
def test_what_we_claimed_for_a_cluster_is_not_lost_once_that_says_it(*, is_deleted: bool) -> None:
    mine = [claim(cluster="flat"), claim("b.ns", cluster="flat").retire(START, "x")]
    deputy = held(mine, 3, role=DEPUTY, cluster="flat")
    shelf = listed(held([], 1, number=0), deputy)
    shelf.see(held(mine, 4, role=COPY, cluster="flat", marker=SECOND))
    news = (
        shelf.lose(deputy.name)
        if is_deleted
        else shelf.see(held([], 5, role=DEPUTY, cluster="flat"))
    )
    assert news.new == ()
    assert shelf.broken == set()
    assert not shelf.merge(deputy.id, ShardChange())


def test_what_we_claimed_for_a_cluster_that_does_not_say_it_is_lost() -> None:
    deputy = held([claim(cluster="flat")], 3, role=DEPUTY, cluster="flat")
    shelf = listed(held([], 1, number=0), deputy)
    shelf.lose(deputy.name)
    assert shelf.broken == {deputy.name}


# Versions


def test_an_older_version_undoes_nothing() -> None:
    shelf = listed(held([ONE], 3))
    shelf.put(held([ONE, TWO], 7))
    shelf.learn(NAME, [TWO])
    assert shelf.see(held([ONE], 3)) == NO_NEWS
    assert shelf.see(held([ONE], 5)) == NO_NEWS
    assert shelf.is_outdated(held([ONE], 6))
    assert shelf.see(held([ONE, TWO], 7)) == NO_NEWS
    assert shelf.broken == set()


def test_an_echo_of_what_we_have_deleted_since_brings_nothing_back() -> None:
    shelf = listed(held([], 1, number=0), held([ENDED], 3))
    shelf.drop(NAME)
    assert shelf.see(held([ENDED], 3)) == NO_NEWS
    assert not shelf.is_outdated(held([ENDED], 4))  # the deletion itself
    assert shelf.lose(NAME) == NO_NEWS
    assert shelf.names == {"own-000"}
    assert shelf.see(held([ENDED], 5)) == News(new=(ENDED,))


def test_a_list_after_etcd_was_restored_is_believed_and_what_it_lacks_is_lost() -> None:
    shelf = listed(held([ONE, TWO], 90), held([THREE], 91, number=2), held([], 80, number=0))
    news = list_again(shelf, held([ONE], 5), held([], 4, number=0))
    assert news == [NO_NEWS, NO_NEWS, NO_NEWS]
    assert shelf.broken == {"own-001", "own-002"}
    assert shelf.merge(ShardId(OWN, "east", 1), ShardChange()) == format_claims([ONE, TWO])
    assert shelf.merge(ShardId(OWN, "east", 2), ShardChange()) == format_claims([THREE])
    assert shelf.get(ShardId(OWN, "east", 1)) == held([ONE], 5)


def test_a_list_that_began_before_our_writes_does_not_undo_them() -> None:
    changed, deleted, made = (
        held([one], 3, number=n) for n, one in ((1, ONE), (2, ENDED), (3, TWO))
    )
    shelf = listed(held([], 1, number=0), changed, deleted)
    shelf.begin_list()
    shelf.put(held([ONE, THREE], 7))
    shelf.learn(NAME, [THREE])
    shelf.drop(deleted.name)
    shelf.put(made)
    shelf.learn(made.name, [TWO])
    for one in (held([], 1, number=0), changed, deleted):
        assert shelf.see(one, is_listing=True) == NO_NEWS
    assert shelf.end_list() == NO_NEWS
    assert shelf.broken == set()
    assert shelf.names == {"own-000", "own-001", "own-003"}


def test_a_list_that_was_begun_anew_counts_alone() -> None:
    shelf = Shelf()
    shelf.begin_list()
    shelf.see(held([ONE], 3), is_listing=True)
    list_again(shelf, held([TWO], 9, number=2))
    assert shelf.read_all() == ([TWO], {})


# Objects that cannot be read


def test_an_object_that_cannot_be_read_is_written_again_where_it_is_known() -> None:
    shelf = listed(held([ONE, TWO], 3))
    with pytest.raises(LedgerError, match="own-001: line 1"):
        shelf.see(held("garbage", 4))
    assert shelf.broken == {NAME}
    assert shelf.merge(ShardId(OWN, "east", 1), ShardChange()) == format_claims([ONE, TWO])
    found = shelf.get(ShardId(OWN, "east", 1))
    assert found is not None
    assert found.version == "4"


def test_nobody_writes_over_an_object_of_which_nothing_is_known() -> None:
    shelf, shard = Shelf(), ShardId(OWN, "east", 1)
    shelf.begin_list()
    with pytest.raises(LedgerError):
        shelf.see(held("garbage", 4), is_listing=True)
    shelf.end_list()
    assert shelf.read_all() == ([], {})
    assert (shelf.marker, shelf.broken) == (FIRST, set())
    with pytest.raises(LedgerError, match="own-001: line 1") as failure:
        shelf.merge(shard, ShardChange(added=(ONE,)))
    assert failure.value.hint == "restore or delete it"


@pytest.mark.parametrize("how", ["restored", "deleted", "deleted before a list"])
def test_it_may_be_written_once_somebody_has_restored_or_deleted_it(how: str) -> None:
    shelf, shard = Shelf(), ShardId(OWN, "east", 1)
    shelf.begin_list()
    with pytest.raises(LedgerError):
        shelf.see(held("garbage", 4), is_listing=True)
    shelf.end_list()
    shelf.read_all()
    if how == "restored":
        assert shelf.see(held([TWO], 5)) == News(new=(TWO,))
    elif how == "deleted":
        shelf.lose(NAME)
    else:
        list_again(shelf)
    there = [TWO] if how == "restored" else []
    assert shelf.merge(shard, ShardChange(added=(ONE,))) == format_claims([ONE, *there])


def test_a_copy_that_cannot_be_read_is_an_empty_one() -> None:
    shelf, copy = Shelf(), held("garbage", 4, role=COPY, cluster="west")
    with pytest.raises(LedgerError):
        shelf.see(copy, is_listing=True)
    assert shelf.merge(copy.id, ShardChange(added=(ONE,))) == format_claims([ONE])
    assert shelf.get(copy.id) is not None


def test_a_copy_that_somebody_else_writes_or_deletes_is_torn_and_one_of_ours_is_not() -> None:
    copy = held([ONE], 4, role=COPY, cluster="west", number=1)
    shelf = listed(held([], 2, number=0), copy)
    shelf.see(held([ONE], 5, role=COPY, cluster="west", number=1))
    shelf.expect(copy.name, format_claims([TWO]))
    shelf.see(held([TWO], 6, role=COPY, cluster="west", number=1))
    shelf.put(held([TWO], 6, role=COPY, cluster="west", number=1))
    shelf.expect_no_more(copy.name)
    shelf.see(held([TWO], 6, role=COPY, cluster="west", number=1))
    assert shelf.torn == set()
    shelf.see(held([ONE], 7, role=COPY, cluster="west", number=1))
    assert shelf.torn == {"west"}
    shelf.torn.clear()
    shelf.lose(copy.name)
    assert shelf.torn == {"west"}
    shelf.torn.clear()
    shelf.put(held([ONE], 8, role=COPY, cluster="west", number=1))
    shelf.drop(copy.name)
    shelf.lose(copy.name)
    assert shelf.torn == set()


# Changes


@pytest.mark.parametrize(
    ("role", "number", "change", "text"),
    [
        (OWN, 1, ShardChange(added=(TWO,)), format_claims([ONE, TWO])),
        (OWN, 1, dropping([ONE]), None),
        (OWN, 0, dropping([ONE]), ""),
        (DEPUTY, 0, dropping([ONE]), None),
        (COPY, 1, dropping([ONE]), None),
        (COPY, 0, dropping([ONE]), ""),
        (COPY, 0, ShardChange(dropped=dropping([ONE]).dropped, is_end=True), None),
        (FORMER, 0, dropping([ONE]), None),
        (OWN, 1, ShardChange((ONE.retire(START, "x"),)), format_claims([ONE.retire(START, "x")])),
    ],
)
def test_an_object_goes_with_its_last_claim_but_the_marker_stays(
    role,
    number: int,
    change: ShardChange,
    text: str | None,
) -> None:
    one = held([ONE], 3, role=role, number=number)
    shelf = listed(held([], 2, number=0), one) if one.name != "own-000" else listed(one)
    shelf.learn(one.name, (), change.dropped)
    assert shelf.merge(one.id, change) == text


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_copy_only_the_newest_ledgers_objects_count(order: int) -> None:
    old = held([ONE], 3, role=COPY, cluster="west", number=1)
    new = held([TWO], 4, role=COPY, cluster="west", number=2, marker=SECOND)
    former = held([THREE], 5, role=FORMER, cluster="west", number=3, marker=SECOND)
    shelf = Shelf()
    list_again(shelf, *[old, new, former][::order])
    assert shelf.read_all()[1] == {"west": ClaimSet(SECOND, (TWO,), (THREE,))}


def test_copies_are_changed_where_they_differ_or_everywhere_in_another_ledgers() -> None:
    same, gone, new = (claim(host, cluster="west") for host in ("h0.ns", "h1.ns", "h2.ns"))
    before, now = [same, gone], [same, new]
    changes = compare_copies(COPY, before, now, is_other=False)
    assert [c for change in changes.values() for c in change.added] == [new]
    assert [c for change in changes.values() for c in change.dropped] == [gone.key]
    changes = compare_copies(COPY, before, now, is_other=True)
    assert {c for change in changes.values() for c in change.added} == {same, new}
