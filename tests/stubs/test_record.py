"""What we remember of a cluster's DNS."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.coredns.stub import Foreign, Stub, StubZone
from globaldns.coredns.targets import Shape, Target
from globaldns.errors import StubError
from globaldns.stubs.record import MAX_KNOWN, Record, decode_record, encode_record, original_key
from tests.coredns.collection import STUB, stub

PLACE = Target(
    shape=Shape.COREFILE,
    resource="configmaps",
    namespace="kube-system",
    name="coredns",
    key="Corefile",
)
OTHER = Target(shape=Shape.COREFILE, resource="configmaps", name="other", key="Corefile")
KEY = "original.configmaps.kube-system.coredns.Corefile"
NAME = "configmaps kube-system/coredns Corefile"


def test_it_is_read_as_it_was_written() -> None:
    record = Record().with_place(
        PLACE, STUB, frozenset({"a", "b"}), {original_key(PLACE): "text\n"}
    )
    assert decode_record({"data": encode_record(record)}) == record
    assert record == Record(STUB, (PLACE,), {NAME: ("a", "b")}, {KEY: "text\n"})
    assert record.known_at(PLACE) == {"a", "b"}
    assert record.known_at(OTHER) == frozenset()


@pytest.mark.parametrize(
    ("policy", "zones"),
    [
        ('"foreign":"nxdomain"', (StubZone("global"), StubZone("b"))),
        (
            '"foreign":"fallthrough","namespaces":["x"]',
            tuple(StubZone(name, Foreign.FALLTHROUGH, ("x",)) for name in ("global", "b")),
        ),
    ],
)
def test_a_record_whose_zones_have_one_policy_is_read_whole(
    policy: str, zones: tuple[StubZone, ...]
) -> None:
    told = msgspec.structs.replace(STUB, zones=zones)
    record = Record(suspended=True).with_place(
        PLACE, told, frozenset({"a"}), {original_key(PLACE): "text\n"}
    )
    data = encode_record(record)
    ours = msgspec.json.encode(zones).decode()
    former = data["state"].replace(f'"zones":{ours}', f'"zones":["global","b"],{policy}')
    assert former != data["state"]
    assert decode_record({"data": {**data, "state": former}}) == record


@pytest.mark.parametrize(
    "stub",
    [
        *("[]", '{"zones":7}', '{"zones":[7]}', '{"zones":["a"]}'),
        '{"zones":[],"servers":[]}',
        '{"zones":["a"],"servers":[{"address":"b"}]}',
    ],
)
def test_one_whose_stub_is_none_cannot_be_read(stub: str) -> None:
    with pytest.raises(StubError, match="globaldns-stub: its state cannot be read"):
        decode_record({"data": {"state": f'{{"stub":{stub},"places":[],"known":{{}}}}'}})


def test_without_a_configmap_or_anything_in_it_nothing_is_remembered() -> None:
    assert decode_record(None) == decode_record({"metadata": {}}) == Record()


def test_of_a_place_the_first_text_is_kept_and_of_what_we_wrote_all() -> None:
    other: Stub = stub("mesh")
    record = Record().with_place(PLACE, STUB, frozenset({"a"}), {original_key(PLACE): "first"})
    record = record.with_place(PLACE, other, frozenset({"a", "b"}), {original_key(PLACE): "second"})
    assert record == Record(other, (PLACE,), {NAME: ("a", "b")}, {KEY: "first"})


def test_what_former_changes_are_told_by_has_a_limit_and_the_oldest_goes() -> None:
    record = Record()
    for number in range(MAX_KNOWN + 2):
        record = record.with_place(PLACE, STUB, frozenset({str(number)}), {original_key(PLACE): ""})
    known = record.known[NAME]
    assert known == tuple(map(str, range(1, MAX_KNOWN + 2)))


def test_what_the_last_change_is_told_by_is_kept_whole() -> None:
    first, last = (
        frozenset(f"{name}{number}" for number in range(MAX_KNOWN + 44)) for name in ("a", "b")
    )
    record = Record().with_place(PLACE, STUB, first, {})
    assert record.known_at(PLACE) == first
    assert record.with_place(PLACE, STUB, first, {}) == record
    moved = record.with_place(PLACE, STUB, last, {}).known_at(PLACE)
    assert last <= moved
    assert len(moved - last) == MAX_KNOWN


def test_a_place_of_the_whole_cluster_has_a_key_too() -> None:
    place = Target(shape=Shape.OPENSHIFT, resource="dnses.x", name="default", key="spec.servers")
    assert original_key(place) == "original.dnses.x.default.spec.servers"


def test_one_that_cannot_be_read_says_what_to_do() -> None:
    with pytest.raises(StubError, match="globaldns-stub: its state cannot be read") as refused:
        decode_record({"data": {"state": "{"}})
    assert "keep a copy" in refused.value.hint
    assert "then delete it" in refused.value.hint
