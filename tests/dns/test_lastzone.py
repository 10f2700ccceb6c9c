from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.lastzone import VERSION, Header, decode_zone, encode_zone
from globaldns.errors import StateError
from globaldns.model.address import Address, parse_address
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, EntryPort, Handover, Waits

WAITS = Waits({parse_address("240.128.0.1"): Handover(Host("a.b"), 5)}, 300, 9)
HEADER = Header("east", "marker-1", 2026, 1_767_323_045, WAITS)
ZONES = ("global",)

ports = st.builds(EntryPort, st.integers(0, 65535), st.text(max_size=5), st.just("tcp"))
entries = st.builds(
    Entry,
    st.from_regex(r"[a-z0-9_-]{1,20}(\.[a-z]{1,9}){0,3}", fullmatch=True).map(Host),
    st.tuples(st.just("global")),
    st.lists(st.binary(min_size=4, max_size=4).map(Address), max_size=3).map(tuple),
    st.lists(ports, max_size=2).map(tuple),
    st.sampled_from(Answering),
    st.lists(st.sampled_from(["east", "west"]), max_size=2).map(tuple),
    st.integers(0, 2**40),
    st.sampled_from(["given", "pinned"]),
)


@given(st.lists(entries, max_size=10))
def test_what_was_remembered_is_read_again(remembered: list[Entry]) -> None:
    zone = decode_zone(encode_zone(HEADER, remembered), ZONES)
    assert zone.header == HEADER
    assert list(zone.entries) == remembered
    assert all(isinstance(entry.answering, Answering) for entry in zone.entries)


def test_a_large_zone_is_read_again(entry: Callable[..., Entry]) -> None:
    remembered = [entry(f"h{number}.a", zones=ZONES) for number in range(2500)]
    assert list(decode_zone(encode_zone(HEADER, remembered), ZONES).entries) == remembered


def test_names_are_in_the_zones_that_are_served_and_in_their_order(
    entry: Callable[..., Entry],
) -> None:
    zones = [("global", "mesh"), ("global",), ("mesh",)]
    data = encode_zone(HEADER, (entry(f"h{n}.a", zones=of) for n, of in enumerate(zones)))
    for served, expected in {
        ("mesh", "third", "global"): [("mesh", "global"), ("global",), ("mesh",)],
        ("mesh",): [("mesh",), (), ("mesh",)],
    }.items():
        assert [found.zones for found in decode_zone(data, served).entries] == expected


def test_what_entries_have_in_common_is_written_and_held_once(entry: Callable[..., Entry]) -> None:
    port = EntryPort(80, "http", "tcp")
    data = encode_zone(HEADER, (entry(f"h{n}.a", ports=(port,)) for n in range(100)))
    assert data.count(b"http") == data.count(b"west") == 1
    first, *others = decode_zone(data, ZONES).entries
    assert all(other.ports is first.ports for other in others)
    assert all(other.clusters is first.clusters for other in others)


GOOD = encode_zone(HEADER, [])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"rubbish",
        GOOD[:-3],
        GOOD + b"\0",
        msgspec.msgpack.encode([VERSION, ["east"], [], []]),
        msgspec.msgpack.encode([VERSION, HEADER, [], [["h", [], 3, 0, 0]]]),
        msgspec.msgpack.encode([VERSION, HEADER, [], [["h", [], 0, 9, 0]]]),
    ],
)
def test_damage_is_said_and_not_served(data: bytes) -> None:
    with pytest.raises(StateError, match="damaged"):
        decode_zone(data, ZONES)


def test_a_newer_format_is_refused_with_a_remedy() -> None:
    with pytest.raises(StateError, match=f"format {VERSION + 1}") as caught:
        decode_zone(msgspec.msgpack.encode([VERSION + 1, {"anything": 1}, None, "else"]), ZONES)
    assert "install the release" in caught.value.hint


@given(st.binary(max_size=50))
def test_any_octets_are_a_zone_or_damage(data: bytes) -> None:
    try:
        decode_zone(data, ZONES)
    except StateError:
        return
    raise AssertionError("so few octets are no zone")


def test_what_was_told_may_be_forgotten(entry: Callable[..., Entry]) -> None:
    zone = decode_zone(encode_zone(HEADER, [entry("h.a", zones=ZONES)]), ZONES)
    assert len(zone.entries) == 1
    zone.forget()
    assert (zone.entries, zone.image.rows, zone.header) == ((), b"", HEADER)
