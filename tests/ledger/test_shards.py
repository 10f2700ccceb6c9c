"""A ledger cut into objects."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.errors import LedgerError
from globaldns.ledger import shards
from globaldns.ledger.shards import (
    SHARDS,
    ShardId,
    by_shard,
    format_shard,
    lost,
    read_text,
    shard_of,
)
from globaldns.model.claim import Claim, unite
from globaldns.model.host import Host
from globaldns.objects.own import LedgerRole
from tests.ledger.shelves import CLAIMS, CLUSTERS, COPY, OWN, START, claim

ROLES = st.sampled_from(LedgerRole)
NUMBERS = st.integers(0, SHARDS - 1)
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@settings(max_examples=50)
@given(ROLES, CLUSTERS, NUMBERS)
def test_a_name_is_one_that_kubernetes_takes(role: LedgerRole, cluster: str, number: int) -> None:
    name = ShardId(role, cluster, number).name
    assert NAME.fullmatch(name)
    assert len(name) <= 63
    assert int(name.rpartition("-")[2], 16) == number


@settings(max_examples=50)
@given(st.lists(st.tuples(ROLES, CLUSTERS, NUMBERS), unique=True))
def test_no_two_shards_have_one_name(parts: list[tuple[LedgerRole, str, int]]) -> None:
    """Of our own ledger there is one, whatever our cluster is called."""
    named = {ShardId(r, "" if r is OWN else c, n) for r, c, n in parts}
    assert len({shard.name for shard in named}) == len(named)


@settings(max_examples=50)
@given(st.lists(CLAIMS), ROLES)
def test_every_claim_is_in_exactly_one_shard(claims: list[Claim], role: LedgerRole) -> None:
    parts = by_shard(role, claims)
    assert Counter(one for part in parts.values() for one in part) == Counter(claims)
    for shard, part in parts.items():
        assert (shard.role, 0 <= shard.number < SHARDS) == (role, True)
        assert {(one.cluster, shard_of(one.host)) for one in part} == {
            (shard.cluster, shard.number)
        }


def test_hosts_are_spread_evenly_over_all_shards() -> None:
    counts = Counter(shard_of(Host(f"service-{n}.ns")) for n in range(40 * SHARDS))
    assert len(counts) == SHARDS
    assert max(counts.values()) < 80


def test_where_a_host_stands_is_for_ever() -> None:
    """Another place would be another ledger."""
    assert [shard_of(Host(h)) for h in ("reviews.bookinfo", "a.ns", "")] == [0x293, 0x100, 0x2C7]
    assert ShardId(COPY, "east", 7).name == "copy-50324ee683e239a9-007"


@settings(max_examples=50)
@given(st.lists(CLAIMS))
def test_a_text_is_read_as_what_was_written(claims: list[Claim]) -> None:
    united = unite(claims).values()
    text = format_shard(united, "own-001")
    assert sorted(read_text(text, "own-001")) == sorted(united)
    assert format_shard(read_text(text, ""), "") == text
    assert text.isascii()


@pytest.mark.parametrize("text", ["x", "a.ns 240.128.0.1", "\0", "a b c d e f g", "{}"])
def test_a_text_that_is_none_is_named(text: str) -> None:
    with pytest.raises(LedgerError, match="VIPLedger own-001: line 1") as failure:
        read_text(text, "own-001")
    assert failure.value.hint == "restore or delete it"


def test_a_shard_that_etcd_would_refuse_is_refused_here(monkeypatch: pytest.MonkeyPatch) -> None:
    line = len(format_shard([claim()], ""))
    monkeypatch.setattr(shards, "MAX_OCTETS", 2 * line)
    assert format_shard([claim("a.ns"), claim("b.ns")], "own-001")
    with pytest.raises(LedgerError, match=f"own-001 would have {3 * line} octets"):
        format_shard([claim("a.ns"), claim("b.ns"), claim("c.ns")], "own-001")


def test_only_what_has_not_ended_can_be_lost() -> None:
    stands, ended = claim("a.ns"), claim("b.ns").retire(START + 1, "withdrawn")
    assert lost([stands, ended], []) == [stands]
    assert lost([stands, ended], [stands.retire(START, "withdrawn")]) == []
    assert lost([], [stands]) == []
