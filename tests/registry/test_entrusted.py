"""What several clusters claim for one that keeps no ledger, and what replicas write."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from msgspec import structs

from globaldns.model.claim import Claim
from globaldns.model.service import ServiceState
from globaldns.model.view import ClaimSet, Put, SetEntrusted, SetLedger
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    A,
    claim,
    export,
    ledger,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)

CLUSTERS = ("east", "west", "north")
SMALL = ("240.128.0.0/28",)
"""So small that two hosts often want the same address."""
hosts = st.sets(st.sampled_from([f"h{number}.ns" for number in range(6)]), min_size=1)


class Deputy:
    """A cluster with a ledger, that reads the others and claims for north."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.registry = Registry(settings(cluster, CLUSTERS, pools=SMALL))

    def turn(self, now: int) -> None:
        while self.registry.unwritten or self.registry.next_deadline == 0:
            self.registry.acknowledge(self.registry.unwritten, now)
            self.registry.tick(now)

    def own(self) -> ClaimSet:
        return ledger(self.cluster, *sorted(self.registry.claims.of_cluster(self.cluster)))

    def entrusted(self) -> tuple[Claim, ...]:
        return tuple(sorted(self.registry.claims.of_cluster("north")))


def exchange(deputies: list[Deputy], now: int) -> None:
    """Let each read what the others have, and take its turn."""
    for reader in deputies:
        for other in deputies:
            if other is not reader:
                changes = (
                    SetLedger(other.cluster, other.own()),
                    SetEntrusted(other.cluster, other.entrusted()),
                )
                reader.registry.apply(changes, now)
        reader.turn(now)


@given(east=hosts, west=hosts, north=hosts, seed=st.integers(0, 99))
@profile(max_examples=60, deadline=None)
def test_clusters_that_claim_for_a_third_come_to_equal_sets(
    east: set[str], west: set[str], north: set[str], seed: int
) -> None:
    said = {"east": east, "west": west, "north": north}
    views = [reset(name, *(export(host, name) for host in sorted(said[name]))) for name in said]
    deputies = [Deputy("east"), Deputy("west")]
    for number, deputy in enumerate(deputies):
        random.Random(seed + number).shuffle(views)
        settled(deputy.registry, *views, now=10 + number)
    for now in range(20, 28):
        exchange(deputies, now)
    one, two = deputies
    assert one.entrusted() == two.entrusted()
    for host in sorted(east | west | north):
        assert service(one.registry, host).vips == service(two.registry, host).vips != ()
    before = [deputy.entrusted() for deputy in deputies]
    exchange(deputies, 30)
    assert [deputy.entrusted() for deputy in deputies] == before, "and then nothing changes"


def test_once_a_cluster_has_a_ledger_only_that_counts() -> None:
    deputy = Deputy("east")
    settled(deputy.registry, reset("east"), reset("west"), reset("north", export("a.ns", "north")))
    before = deputy.entrusted()
    own = ledger("north", claim("a.ns", "240.128.0.9", 5, "north"))
    deputy.registry.apply([SetLedger("north", own)], 20)
    other = claim("a.ns", "240.128.0.3", 1, "north")
    deputy.registry.apply([SetEntrusted("west", (*before, other))], 21)
    deputy.turn(21)
    assert deputy.entrusted() == own.claims
    assert service(deputy.registry, "a.ns").vips == (vip("240.128.0.9"),)


def test_the_first_turn_of_a_cluster_takes_over_what_was_claimed_for_it() -> None:
    views = [reset("east", export("b.ns", "east")), reset("west", export("a.ns", "west"))]
    deputy = Registry(settings("east"))
    settled(deputy, *views)
    theirs = tuple(sorted(deputy.claims.of_cluster("west")))
    moved = structs.replace(theirs[0], vip=vip("240.128.0.77"))
    ours = Registry(settings("west"))
    ours.apply([*views, SetEntrusted("east", (moved,))], 20)
    settled(ours, now=21)
    assert [*ours.claims.of_cluster("west")] == [moved]
    assert service(ours, "a.ns").vips == (moved.vip,)


def test_what_rests_that_was_claimed_for_us_goes_on_resting_here() -> None:
    resting = claim("a.ns", "240.128.0.77", 5).retire(15, "withdrawn")
    ours = Registry(settings())
    ours.apply([reset("east"), reset("west"), SetEntrusted("west", (resting,))], 20)
    settled(ours, now=21)
    assert [*ours.claims] == [resting]
    remember(ours, ours.apply([Put(export("a.ns"))], 30), 30)
    assert service(ours, "a.ns").vips == (resting.vip,)


def test_of_a_host_that_our_ledger_speaks_of_nobody_else_claims_anything_for_us() -> None:
    ours = settled(Registry(settings()), reset("east", export("a.ns")), reset("west"))
    before = [*ours.claims]
    ours.apply([SetEntrusted("west", (claim("a.ns", "240.128.0.9", 5),))], 20)
    assert [*ours.claims] == before


@pytest.mark.parametrize("cluster", ["east", "gone"])
def test_nobody_is_believed_what_he_claims_for_us_or_for_a_stranger(cluster: str) -> None:
    registry = settled(Registry(settings(clusters=CLUSTERS)), *map(reset, CLUSTERS))
    stray = claim("a.ns", "240.128.0.9", 5, cluster)
    registry.apply([SetEntrusted("west", (stray,))], 20)
    assert registry.unwritten == ()
    assert [*registry.claims] == []


def test_what_a_stranger_claims_for_others_is_not_believed() -> None:
    registry = settled(Registry(settings()), reset("east"), reset("west"))
    registry.apply([SetEntrusted("stranger", (claim("a.ns", "240.128.0.9", 5, "west"),))], 20)
    assert registry.unwritten == ()


def test_while_nothing_is_written_what_is_entrusted_waits() -> None:
    registry = settled(Registry(settings(clusters=CLUSTERS)), *map(reset, CLUSTERS))
    registry.stop_writing("another replica writes", 15)
    theirs = claim("a.ns", "240.128.0.9", 5, "north")
    registry.apply([SetEntrusted("west", (theirs,))], 20)
    assert registry.unwritten == ()
    registry.resume_writing(21)
    assert [one.key for one in registry.unwritten] == [theirs.key]


def following() -> Registry:
    """A replica that does not write, and has read all."""
    registry = Registry(settings())
    registry.stop_writing("another replica writes", 1)
    return settled(registry, reset("east", export("a.ns")), reset("west"))


def test_what_another_replica_writes_is_answered() -> None:
    registry = following()
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    given_one = claim("a.ns", "240.128.0.9", 5)
    registry.adopt([given_one], (), 20)
    assert service(registry, "a.ns").vips == (given_one.vip,)
    ended = given_one.retire(21, "collision")
    moved = claim("a.ns", "240.128.0.10", 21)
    registry.adopt([ended, moved], (), 22)
    assert service(registry, "a.ns").vips == (moved.vip,)
    registry.adopt((), [ended], 23)
    assert registry.claims.of_host(A) == (moved,)
    assert registry.unwritten == ()


def test_in_which_parts_and_how_often_a_replica_is_heard_does_not_matter() -> None:
    claims = [claim("a.ns", "240.128.0.9", 5), claim("b.ns", "240.128.0.10", 5)]
    whole, parts = following(), following()
    whole.adopt(claims, (), 20)
    for one in (*claims[::-1], *claims):
        parts.adopt([one], (), 20)
    assert sorted(whole.claims) == sorted(parts.claims)
    assert service(whole, "a.ns").vips == service(parts, "a.ns").vips


def test_what_a_replica_writes_for_a_cluster_with_a_ledger_is_not_taken() -> None:
    registry = following()
    own = ledger("west", claim("w.ns", "240.128.0.7", 5, "west"))
    registry.apply([SetLedger("west", own)], 15)
    registry.adopt([claim("w.ns", "240.128.0.9", 1, "west")], own.claims, 20)
    assert (*registry.claims.of_cluster("west"),) == own.claims


def test_what_is_loaded_is_answered_at_once_and_no_number_is_given_for_it() -> None:
    registry = Registry(settings())
    registry.stop_writing("it is not listed yet", 1)
    registry.apply([reset("east", export("a.ns")), reset("west", export("w.ns", "west"))], 5)
    loaded = claim("a.ns", "240.128.0.9", 5)
    copies = {"west": ledger("west", claim("w.ns", "240.128.0.7", 5, "west"))}
    registry.load([loaded], {}, 6)
    assert service(registry, "a.ns").vips == (loaded.vip,)
    registry.load([loaded], copies, 7)
    registry.settle(8)
    registry.resume_writing(9)
    assert {one.host for one in registry.unwritten} <= {"w.ns"}
    assert service(registry, "a.ns").vips == (loaded.vip,)


def test_a_copy_that_is_loaded_is_answered_while_its_cluster_was_never_heard() -> None:
    registry = Registry(settings())
    registry.stop_writing("it is not listed yet", 1)
    registry.apply([reset("east")], 5)
    said = ledger("west", claim("w.ns", "240.128.0.7", 5, "west"))
    registry.load((), {"west": said}, 6)
    assert (*registry.claims.of_cluster("west"),) == said.claims
    assert registry.views.has_ledger("west")
