"""What others do to a ledger's objects, and how it is made whole again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from globaldns.errors import LedgerError
from globaldns.ledger.objects import Held
from globaldns.model.claim import Claim, Marker
from globaldns.model.view import ClaimSet
from tests.kube.fake import FakeApiServer
from tests.ledger.replicas import (
    LEDGERS,
    SPACE,
    Replica,
    eventually,
    markers,
    replica,
    stored,
)
from tests.ledger.shelves import FIRST, SECOND, START, claim, held, hosts_of, manifest

A, B = (claim(host) for host in hosts_of(1, 2))
C = claim(hosts_of(2, 1)[0], "240.128.0.2")
ENDED = B.retire(START + 5, "withdrawn")
ALL = {"own-000": [], "own-001": sorted([A, ENDED]), "own-002": [C]}


def is_whole(fake: FakeApiServer) -> Callable[[], bool]:
    return lambda: stored(fake) == ALL


def put(fake: FakeApiServer, one: Held) -> None:
    fake.put(manifest(one))


@pytest.mark.parametrize(
    "harm",
    [
        lambda fake: put(fake, held([A], 0, number=2)),
        lambda fake: put(fake, held([], 0)),
        lambda fake: put(fake, held([ENDED], 0)),
        lambda fake: put(fake, held([A, B], 0)),
        lambda fake: put(fake, held([A, ENDED], 0, marker=Marker("old", 5))),
        lambda fake: put(fake, held("garbage", 0)),
        lambda fake: fake.delete("vipledgers", "own-001", SPACE),
        lambda fake: fake.delete("vipledgers", "own-000", SPACE),
    ],
    ids=[
        *("another's claim", "emptied", "a claim lost", "a retirement lost", "an older marker"),
        *("garbage", "deleted", "the marker deleted"),
    ],
)
async def test_what_a_hand_that_slipped_has_lost_is_written_again(
    fake: FakeApiServer, leader: Replica, harm: Callable[[FakeApiServer], None]
) -> None:
    await leader.ledger.write([A, ENDED, C])
    harm(fake)
    both = {**ALL, "own-002": sorted([A, C])}
    await eventually(lambda: stored(fake) in (ALL, both) and markers(fake) == {FIRST.id})
    await eventually(lambda: not leader.ledger._shelf.broken)


async def test_all_of_it_that_went_with_a_namespace_is_written_again(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    await leader.ledger.write([A, ENDED, C])
    await follower.until_knows(A, ENDED, C)
    fake.delete("namespaces", SPACE)
    with pytest.raises(LedgerError) as failure:
        await leader.ledger.write([claim("new.ns")])
    assert failure.value.hint == "create our namespace, and apply deploy/crds"
    fake.add_namespace(SPACE)
    await eventually(is_whole(fake))
    assert leader.ledger.marker == FIRST
    await follower.until_knows(A, ENDED, C)


async def test_all_of_it_that_went_with_its_definition_is_written_again(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, ENDED, C])
    fake.unserve("vipledgers.globaldns.io")
    await eventually(lambda: "not installed" in leader.ledger.failure)
    with pytest.raises(LedgerError, match="not installed") as failure:
        await leader.ledger.check()
    assert failure.value.hint == "apply deploy/crds"
    assert leader.ledger.trouble is failure.value
    fake.serve(LEDGERS)
    await eventually(is_whole(fake))
    await eventually(lambda: not leader.ledger.failure and leader.ledger.trouble is None)


async def test_a_backup_of_etcd_that_is_older_is_brought_up_to_date(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, B])
    backup = fake.snapshot()
    await leader.ledger.write([ENDED])
    await leader.ledger.write([C])
    fake.restore(backup)
    await eventually(is_whole(fake))


async def test_a_backup_brings_back_what_was_forgotten_since_and_that_is_told(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, ENDED])
    backup = fake.snapshot()
    await leader.ledger.forget([ENDED])
    fake.restore(backup)
    leader.known.clear()
    await leader.until_knows(ENDED)


async def test_a_replica_that_may_not_write_repairs_nothing_and_writes_all_once_it_may(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, ENDED, C])
    leader.may_write = False
    fake.delete("vipledgers", "own-001", SPACE)
    await eventually(lambda: "own-001" in leader.ledger._shelf.broken)
    assert "own-001" not in stored(fake)
    leader.may_write = True
    await eventually(is_whole(fake))


async def test_one_object_that_cannot_be_written_keeps_no_other_from_being(
    fake: FakeApiServer,
) -> None:
    async with replica(fake, repairs=False) as one:
        await one.ledger.begin(FIRST)
        await one.ledger.write([A, ENDED, C])
        for name in ("own-001", "own-002"):
            fake.delete("vipledgers", name, SPACE)
        await eventually(lambda: len(one.ledger._shelf.broken) == 2)
        fake.fail(403, verb="create")  # the first that is tried
        with pytest.raises(LedgerError):
            await one.ledger._repair.mend()
        assert stored(fake) == {"own-000": [], "own-002": [C]}
        await one.ledger._repair.mend()
    assert stored(fake) == ALL


async def test_another_ledger_that_somebody_begins_takes_over_all_objects(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    await leader.ledger.write([A, ENDED, C])
    put(fake, held([], 0, number=0, marker=SECOND))
    await eventually(lambda: leader.ledger.marker == follower.ledger.marker == SECOND)
    await leader.ledger.write([A, ENDED, C])
    assert markers(fake) == {SECOND.id}


async def test_an_object_of_a_ledger_of_the_future_is_written_anew_and_told(
    fake: FakeApiServer, leader: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    await leader.ledger.write([A, ENDED, C])
    for number, claims in ((0, []), (1, [A, ENDED])):
        put(fake, held(claims, 0, number=number, marker=Marker("future", 4_000_000_000)))
    await eventually(lambda: stored(fake) == ALL)
    await eventually(lambda: markers(fake) == {FIRST.id})
    assert leader.ledger.marker == FIRST
    assert "an object in the ledger's place is odd" in caplog.text
    async with replica(fake) as one:
        assert one.ledger.marker == FIRST


async def test_another_clusters_object_in_the_place_of_ours_is_told_until_it_is_deleted(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, ENDED, C])
    theirs = manifest(held([claim(A.host, cluster="west")], 0, cluster="west"))
    fake.put(theirs)
    await eventually(lambda: leader.ledger.findings() != ())
    (finding,) = leader.ledger.findings()
    assert (finding.object, finding.code) == ("VIPLedger own-001", "ledger-object")
    assert finding.reason == "is the ledger of 'west', and we are 'east'"
    with pytest.raises(LedgerError, match="own-001 is the ledger of 'west'"):
        await leader.ledger.write([B])
    async with replica(fake) as one:
        assert one.loaded == [([C], {})]
        assert one.ledger.findings() == (finding,)
    fake.delete("vipledgers", "own-001", SPACE)
    await eventually(lambda: leader.ledger.findings() == ())
    await leader.ledger._repair.mend()
    assert stored(fake) == ALL


async def test_an_etcd_that_was_restored_and_came_as_far_again_unseen_is_seen_by_a_write(
    fake: FakeApiServer, leader: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    await leader.ledger.write([A])
    backup = fake.snapshot()
    await leader.ledger.write([B, C])
    fake.storage.restore(backup)  # and no watch says so
    for number in range(20):
        put(fake, held([], number, number=3))
        fake.delete("vipledgers", "own-003", SPACE)
    assert stored(fake) == {"own-000": [], "own-001": [A]}
    other = claim(A.host, "240.128.0.9")
    await leader.ledger.write([other])
    assert "the API server went back" in caplog.text
    put(fake, held([], 0, number=3))  # something is heard
    await eventually(lambda: stored(fake).get("own-002") == [C])
    assert set(stored(fake)["own-001"] or ()) == {A, B, other}


# What cannot be read


async def test_a_shard_of_which_nothing_is_known_is_left_as_it_is_until_somebody_mends_it(
    fake: FakeApiServer,
) -> None:
    put(fake, held("garbage", 0))
    put(fake, held([C], 0, number=2))
    async with replica(fake) as one:
        assert one.loaded == [([C], {})]
        with pytest.raises(LedgerError, match="own-001: line 1") as failure:
            await one.ledger.write([A])
        assert failure.value.hint == "restore or delete it"
        assert fake.count("create", "vipledgers") == fake.count("update", "vipledgers") == 0
        put(fake, held([ENDED], 0))
        await one.until_knows(C, ENDED)
        await one.ledger.write([A])
    assert stored(fake)["own-001"] == sorted([A, ENDED])


async def test_a_copy_that_cannot_be_read_is_written_anew(
    fake: FakeApiServer, leader: Replica
) -> None:
    west = claim(A.host, cluster="west")
    await leader.ledger.copy("west", ClaimSet(), ClaimSet(SECOND, (west,)))
    (name,) = (name for name, claims in stored(fake, "copy-").items() if claims)
    broken = fake.get("vipledgers", name, SPACE)
    assert broken is not None
    fake.put({**broken, "spec": {**broken["spec"], "data": "garbage"}})
    async with replica(fake) as one:
        (copies,) = (said for _, said in one.loaded)
        assert copies == {"west": ClaimSet(SECOND)}
        await one.ledger.copy("west", copies["west"], ClaimSet(SECOND, (west,)))
    assert stored(fake)[name] == [west]


async def test_strangers_in_the_namespace_are_passed_over(fake: FakeApiServer) -> None:
    stranger = manifest(held([A], 0))
    fake.put({**stranger, "metadata": {"name": "mine", "namespace": SPACE}})
    async with replica(fake) as one:
        assert one.loaded == [([], {})]
        assert [found.object for found in one.ledger.findings()] == ["VIPLedger mine"]
        fake.delete("vipledgers", "mine", SPACE)
        await eventually(lambda: one.ledger.findings() == ())
        await one.ledger.begin(FIRST)


# Whether it is followed


@pytest.mark.parametrize("code", [401, 403, 500, 503])
async def test_a_ledger_that_is_not_followed_says_why_and_is_not_written(
    fake: FakeApiServer, leader: Replica, code: int
) -> None:
    fake.fail(code, verb="watch", times=1000)
    fake.cut_watches()
    await eventually(lambda: "the ledger cannot be read" in leader.ledger.failure)
    with pytest.raises(LedgerError, match="the ledger cannot be read"):
        await leader.ledger.check()
    fake.recover()
    await eventually(lambda: not leader.ledger.failure)
    await leader.ledger.check()


async def test_nothing_is_known_until_all_is_listed(fake: FakeApiServer) -> None:
    put(fake, held([A], 0))
    fake.deny("watch", "vipledgers")
    fake.streaming_lists = False
    async with replica(fake, listed=False) as one:
        with pytest.raises(LedgerError, match="the ledger is not listed yet"):
            await one.ledger.check()
        await eventually(lambda: "cannot be read" in one.ledger.failure)
        assert not one.ledger.listed.is_set()
        fake.allow()
        await one.until_knows(A)
        assert one.loaded == [([A], {})]


async def test_a_new_term_begins_with_all_that_there_is(
    fake: FakeApiServer, leader: Replica
) -> None:
    fake.stall_watches()
    put(fake, held([A], 0))
    await leader.ledger.reload()
    assert leader.known == {A.key: A}
    await leader.ledger.probe()
    fake.fail(503, verb="list")
    with pytest.raises(LedgerError, match="the ledger cannot be read"):
        await leader.ledger.reload()
    fake.stall_watches(stalled=False)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_list_while_we_write_undoes_nothing(
    fake: FakeApiServer, leader: Replica, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    written: list[Claim] = []
    for number in range(10, 40):
        if number % 5 == 0:
            fake.fail_watches(410)
        written.append(claim(hosts_of(number, 1)[0]))
        await leader.ledger.write(written[-1:])
    await eventually(lambda: fake.open_watches == 1 and not leader.ledger.failure)
    updates = fake.count("create", "vipledgers")
    assert (updates, leader.ledger._shelf.broken) == (31, set())
