"""A ledger kept as VIPLedger objects: written, followed, and made whole again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from globaldns.errors import LedgerError
from globaldns.ledger.shards import ShardId
from globaldns.ledger.shardwriting import ATTEMPTS
from globaldns.model.fingerprint import Fingerprint
from globaldns.model.head import Head
from globaldns.model.view import ClaimSet
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.ledger.replicas import SPACE, Replica, replica, stored
from tests.ledger.shelves import (
    COPY,
    DEPUTY,
    FIRST,
    SECOND,
    START,
    claim,
    held,
    hosts_of,
    manifest,
)

A, B = (claim(host) for host in hosts_of(1, 2))
C = claim(hosts_of(2, 1)[0], "240.128.0.2")
ZERO = claim(hosts_of(0, 1)[0], "240.128.0.3")
ENDED = B.retire(START + 5, "withdrawn")
FLAT = claim(hosts_of(1, 1)[0], cluster="flat")


def writes(fake: FakeApiServer) -> int:
    return sum(fake.count(verb, "vipledgers") for verb in ("create", "update", "delete"))


async def test_a_first_start_finds_nothing_and_begins_a_ledger(fake: FakeApiServer) -> None:
    async with replica(fake) as one:
        assert (one.loaded, one.ledger.marker, one.ledger.clusters) == ([([], {})], None, set())
        with pytest.raises(LedgerError, match="there is no ledger yet"):
            await one.ledger.write([A])
        await one.ledger.begin(FIRST)
        assert one.ledger.marker == FIRST
        assert stored(fake) == {"own-000": []}
        await one.ledger.write([A])
    async with replica(fake) as one:
        assert (one.loaded, one.ledger.marker) == ([([A], {})], FIRST)
        assert one.ledger.clusters == {"east"}


async def test_what_is_written_stands_in_its_shard_and_every_replica_knows_it(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    await leader.ledger.write([A, C, FLAT])
    await follower.until_knows(A, C, FLAT)
    there = stored(fake)
    assert (there.pop("own-000"), there.pop("own-001"), there.pop("own-002")) == ([], [A], [C])
    assert list(there.values()) == [[FLAT]]
    await leader.ledger.write([B])
    await leader.ledger.write([ENDED])
    await follower.until_knows(A, ENDED, C, FLAT)
    assert stored(fake)["own-001"] == sorted([A, ENDED])
    await leader.ledger.forget([ENDED])
    await follower.until_knows(A, C, FLAT)
    assert follower.ledger.clusters == leader.ledger.clusters == {"east", "flat"}
    assert follower.ledger.marker == FIRST


async def test_a_shard_goes_with_its_last_claim_and_nobody_takes_that_for_a_loss(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    await leader.ledger.write([ENDED, ZERO.retire(START + 1, "x")])
    await follower.until_knows(ENDED, ZERO.retire(START + 1, "x"))
    await leader.ledger.forget([ENDED, ZERO])
    await follower.until_knows()
    assert stored(fake) == {"own-000": []}
    assert follower.ledger._shelf.broken == leader.ledger._shelf.broken == set()


async def test_the_first_shard_says_what_is_configured_and_keeps_saying_it(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    def said() -> dict[str, dict[str, str]]:
        specs = {one["metadata"]["name"]: one["spec"] for one in fake.objects("vipledgers", SPACE)}
        return {name: spec["settings"] for name, spec in specs.items() if "settings" in spec}

    ended = ZERO.retire(START + 1, "withdrawn")
    await leader.ledger.write([A, ended])
    assert said() == {}
    await leader.ledger.publish(Head(Fingerprint("p", "z", "a", "q")))
    told = {"own-000": {"pools": "p", "zones": "z", "allow": "a", "quarantine": "q"}}
    assert said() == told
    count = writes(fake)
    await leader.ledger.publish(Head(Fingerprint("p", "z", "a", "q")))
    assert writes(fake) == count
    await leader.ledger.forget([ended])
    assert said() == told
    await follower.until_knows(A)
    await leader.ledger.publish(Head(Fingerprint("p", "z", "a", "other")))
    assert said()["own-000"]["quarantine"] == "other"
    assert stored(fake) == {"own-000": [], "own-001": [A]}


async def test_whoever_writes_next_keeps_what_the_first_shard_says_until_it_says_other_things(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    def said() -> dict[str, str]:
        return fake.objects("vipledgers", SPACE)[0]["spec"].get("uids", {})

    head = Head(Fingerprint("p", "z", "a", "q"), (("east", "e"), ("west", "w")))
    await leader.ledger.publish(head)
    assert said() == {"east": "e", "west": "w"}
    await until(lambda: follower.ledger.head == head)
    follower.may_write = True
    await follower.ledger.write([ZERO])
    assert said() == {"east": "e", "west": "w"}
    await follower.ledger.publish(Head(uids=(("east", "e"),)))
    assert said() == {"east": "e"}
    await until(lambda: leader.ledger.head == Head(uids=(("east", "e"),)))


async def test_what_stands_already_is_not_written_again(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, C])
    before = writes(fake)
    await leader.ledger.write([C, A])
    await leader.ledger.forget([B])
    await leader.ledger.begin(FIRST)
    assert writes(fake) == before


CHANGES: dict[str, Callable[[Replica], Awaitable[None]]] = {
    "write": lambda one: one.ledger.write([B]),
    "forget": lambda one: one.ledger.forget([A]),
    "copy": lambda one: one.ledger.copy("west", ClaimSet(), ClaimSet(SECOND, (A,))),
    "begin": lambda one: one.ledger.begin(SECOND),
    "repair": lambda one: one.ledger._repair.mend(),
    "check": lambda one: one.ledger.check(),
    "probe": lambda one: one.ledger.probe(),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_who_may_not_write_sends_nothing(
    fake: FakeApiServer, leader: Replica, name: str
) -> None:
    await leader.ledger.write([A])
    leader.may_write = False
    before = writes(fake)
    with pytest.raises(LedgerError, match="another replica writes"):
        await CHANGES[name](leader)
    assert writes(fake) == before


async def test_who_loses_the_right_in_the_middle_sends_no_more(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A])
    fake.put(manifest(held([A, C], 0)))
    guard, asked = leader._guard, []

    def refuse_later() -> None:
        asked.append(None)
        leader.may_write = len(asked) < 2
        guard()

    writer = leader.ledger._writer
    writer._seams = msgspec.structs.replace(writer._seams, guard=refuse_later)
    fake.fail(409, verb="update")
    before = fake.count("update")
    with pytest.raises(LedgerError, match="another replica writes"):
        await leader.ledger.write([B])
    assert fake.count("update") == before + 1


# Others who write


@pytest.mark.parametrize("is_new", [True, False])
async def test_of_two_who_write_one_shard_both_are_heard(
    fake: FakeApiServer, leader: Replica, *, is_new: bool
) -> None:
    if not is_new:
        await leader.ledger.write([A])
    fake.stall_watches()
    other = claim(A.host, "240.128.0.9")
    fake.put(manifest(held([other] if is_new else [A, other], 0)))
    await leader.ledger.write([B])
    assert set(stored(fake)["own-001"] or ()) == ({other, B} if is_new else {A, other, B})
    await leader.until_knows(other)
    fake.stall_watches(stalled=False)


async def test_a_claim_that_another_retired_meanwhile_stays_retired(
    fake: FakeApiServer, leader: Replica
) -> None:
    await leader.ledger.write([A, B])
    fake.stall_watches()
    fake.put(manifest(held([A, ENDED], 0)))
    await leader.ledger.write([A, claim(B.host, "240.128.0.9")])
    assert ENDED in (stored(fake)["own-001"] or ())
    fake.stall_watches(stalled=False)


async def test_one_that_is_always_faster_is_an_error(fake: FakeApiServer, leader: Replica) -> None:
    await leader.ledger.write([A])
    before = fake.count("update")
    fake.fail(409, verb="update", times=100)
    with pytest.raises(LedgerError, match="own-001: somebody else writes it, again and again"):
        await leader.ledger.write([B])
    assert fake.count("update") == before + ATTEMPTS


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("POST", lambda one: one.ledger.write([C])),
        ("PUT", lambda one: one.ledger.write([B])),
        ("DELETE", lambda one: one.ledger.forget([ENDED, A])),
    ],
)
async def test_a_write_that_was_done_and_not_heard_of_is_read_and_not_repeated(
    fake: FakeApiServer, leader: Replica, method: str, change: Callable[[Replica], Awaitable[None]]
) -> None:
    await leader.ledger.write([A])
    leader.client.methods = frozenset({method})
    before = writes(fake)
    await change(leader)
    assert writes(fake) == before + 1
    leader.client.methods = frozenset()


@pytest.mark.parametrize("code", [0, 500, 503, 504])
async def test_a_write_that_was_not_done_and_not_heard_of_is_read_and_not_repeated(
    fake: FakeApiServer, leader: Replica, code: int
) -> None:
    await leader.ledger.write([A])
    fake.fail(code, verb="update", times=1 if code else 2)
    with pytest.raises(LedgerError, match="VIPLedgers cannot be written"):
        await leader.ledger.write([B])
    assert stored(fake)["own-001"] == [A]
    assert fake.asked[-1].verb == "get"
    await leader.ledger.write([B])
    assert set(stored(fake)["own-001"] or ()) == {A, B}


@pytest.mark.parametrize(
    ("code", "hint"), [(403, "bind the roles"), (429, ""), (413, ""), (422, "")]
)
async def test_a_write_that_is_refused_says_what_to_do_and_is_not_repeated(
    fake: FakeApiServer, leader: Replica, code: int, hint: str
) -> None:
    before = writes(fake)
    fake.fail(code, verb="create")
    with pytest.raises(LedgerError, match="VIPLedgers cannot be written") as failure:
        await leader.ledger.write([A])
    assert failure.value.hint.startswith(hint)
    assert writes(fake) == before + 1


async def test_of_many_shards_those_that_were_written_are_told_though_others_were_not(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    many = [claim(hosts_of(number, 1)[0]) for number in range(10, 20)]
    fake.fail(403, verb="create", times=3)
    with pytest.raises(LedgerError):
        await leader.ledger.write(many)
    there = [one for part in stored(fake).values() for one in part or ()]
    assert len(there) == 7
    await leader.until_knows(*there)
    await follower.until_knows(*there)
    await leader.ledger.write(many)
    await follower.until_knows(*many)


# Copies of what other clusters say

W1, W2, W3 = (claim(host, cluster="west") for host in [*hosts_of(5, 2), *hosts_of(0, 1)])
NOTHING = ClaimSet()


@pytest.mark.parametrize(
    "chain",
    [
        [ClaimSet(SECOND, (W1, W2, W3))],
        [ClaimSet(SECOND)],
        [ClaimSet(SECOND, (W1, W3)), ClaimSet(SECOND, (W2,))],
        [ClaimSet(SECOND, (W1,)), ClaimSet(SECOND, (W1.retire(START + 1, "x"),))],
        [ClaimSet(SECOND, (W1.retire(START + 1, "x"),)), ClaimSet(SECOND, (W1,))],
        [ClaimSet(SECOND, (W1, W3)), ClaimSet(FIRST, (W2,), (W1,))],
        [ClaimSet(FIRST, (W1,), (W3,)), ClaimSet(FIRST, (W1,))],
        [ClaimSet(SECOND, (W1, W2, W3)), NOTHING],
        [ClaimSet(SECOND, (W1,), (W3,)), NOTHING, ClaimSet(FIRST, (W2,))],
    ],
    ids=[
        *("new", "begun", "other claims", "retired", "taken back", "lost", "former", "removed"),
        "removed and begun",
    ],
)
async def test_a_copy_is_what_its_cluster_said_last(
    fake: FakeApiServer, leader: Replica, chain: list[ClaimSet]
) -> None:
    for old, new in zip([NOTHING, *chain], chain, strict=False):
        await leader.ledger.copy("west", old, new)
    async with replica(fake) as again:
        claims, copies = again.loaded[0]
        assert claims == []
        assert again.ledger.marker == FIRST
    last = chain[-1]
    assert copies == ({} if last.marker is None else {"west": copies["west"]})
    if last.marker is None:
        assert stored(fake) == {"own-000": []}
        return
    copy = copies["west"]
    assert (copy.marker, {*copy.claims}, {*copy.former}) == (
        last.marker,
        {*last.claims},
        {*last.former},
    )


async def test_a_copy_that_was_torn_is_made_whole_whatever_is_said_by_then(
    fake: FakeApiServer, leader: Replica
) -> None:
    old = ClaimSet(SECOND, (W1,))
    await leader.ledger.copy("west", NOTHING, old)
    fake.fail(403, verb="update")
    with pytest.raises(LedgerError):
        await leader.ledger.copy("west", old, ClaimSet(SECOND, (W2, W3)))
    await leader.ledger.copy("west", old, ClaimSet(SECOND, (W1,)))
    assert [part for part in stored(fake, "copy-").values() if part] == [[W1]]


@pytest.mark.parametrize("code", [0, 409, 500])
async def test_a_copy_that_cannot_be_removed_is_an_error_of_the_ledger(
    fake: FakeApiServer, leader: Replica, code: int
) -> None:
    old = ClaimSet(SECOND)
    await leader.ledger.copy("west", NOTHING, old)
    fake.fail(code, verb="delete", times=100)
    with pytest.raises(LedgerError):
        await leader.ledger.copy("west", old, NOTHING)
    fake.recover()
    await leader.ledger.copy("west", old, NOTHING)
    assert stored(fake) == {"own-000": []}


async def test_what_we_claimed_for_a_cluster_goes_once_it_says_so_itself(
    fake: FakeApiServer, leader: Replica, follower: Replica
) -> None:
    own = FLAT.retire(START + 1, "x")
    await leader.ledger.write([FLAT, claim(C.host, cluster="flat")])
    await leader.ledger.copy("flat", NOTHING, ClaimSet(SECOND, (own,)))
    await follower.until_knows(FLAT, claim(C.host, cluster="flat"))
    assert list(stored(fake, "deputy-").values()) == [[claim(C.host, cluster="flat")]]
    await leader.ledger.write([A])
    await follower.until_knows(FLAT, claim(C.host, cluster="flat"), A)
    assert follower.ledger._shelf.broken == set()


async def test_a_copy_of_one_claim_more_reads_nothing_of_what_we_claim_for_others(
    fake: FakeApiServer, leader: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = [claim(hosts_of(shard, 1)[0], cluster="west") for shard in (7, 8, 9)]
    await leader.ledger.write(ours)
    said = ClaimSet(SECOND, (W1,))
    await leader.ledger.copy("west", NOTHING, said)
    read: list[ShardId] = []
    stood = leader.ledger._shelf.read
    monkeypatch.setattr(leader.ledger._shelf, "read", lambda them: read.extend(them) or stood(them))
    more = ClaimSet(SECOND, (W1, ours[0]))
    await leader.ledger.copy("west", said, more)
    assert read == [ShardId(DEPUTY, "west", 7)]
    assert {one for part in stored(fake, "deputy-").values() for one in part} == {*ours[1:]}
    await leader.ledger.reload()
    await leader.ledger.copy("west", more, ClaimSet(SECOND, (W1, *ours)))
    assert stored(fake, "deputy-") == {}


async def test_copies_are_not_our_claims(fake: FakeApiServer, follower: Replica) -> None:
    fake.put(manifest(held([W1], 0, role=COPY, cluster="west", number=5, marker=SECOND)))
    fake.put(manifest(held([A], 0)))
    await follower.until_knows(A)
