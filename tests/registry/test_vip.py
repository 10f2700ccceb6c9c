from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.address import Family, parse_address, parse_prefix
from globaldns.model.host import Host
from globaldns.registry.occupancy import Occupancy
from globaldns.registry.vip import make_room, make_rooms, may_be_pinned, places


def host(number: int) -> Host:
    return Host(f"svc{number}.ns")


@given(st.integers(0, 10), st.integers(0, 50))
def test_a_probe_visits_every_place_once(bits, number):
    size = 1 << bits
    assert sorted(islice(places(host(number), size), size)) == list(range(size))


def test_the_numbering_is_the_same_in_every_release():
    room = make_room(parse_prefix("240.128.0.0/10"), ())
    address = room.first_free(Host("reviews.bookinfo"), frozenset())
    assert address == parse_address("240.159.243.224")


@pytest.mark.parametrize(
    ("pool", "reserved", "capacity"),
    [
        ("240.128.0.0/24", [], 254),
        ("240.128.0.0/24", ["240.128.0.0/28"], 239),
        ("240.128.0.0/24", ["240.128.0.0/28", "240.128.0.8/29"], 239),
        ("240.128.0.0/24", ["240.128.0.16/28", "240.128.0.255/32"], 238),
        ("240.128.0.0/24", ["240.0.0.0/8"], 0),
        ("240.128.0.0/24", ["10.0.0.0/8"], 254),
        ("240.128.0.0/31", [], 0),
        ("240.128.0.0/32", [], 0),
    ],
)
def test_what_is_reserved_is_counted_once(pool, reserved, capacity):
    assert make_room(parse_prefix(pool), map(parse_prefix, reserved)).capacity == capacity


def test_a_choice_at_90_percent_fill_needs_few_probes():
    pool = parse_prefix("240.128.0.0/20")
    occupancy = Occupancy(make_rooms([pool], ()), 100)
    for number in range(int(4094 * 0.9)):
        occupancy.take(host(number), Family.IPV4)
    lengths = [
        next(i for i, place in enumerate(places(host(n), 4096)) if pool.at(place) not in occupancy)
        for n in range(10_000, 11_000)
    ]
    assert sum(lengths) / len(lengths) < 15


@pytest.mark.parametrize(
    ("address", "special", "allowed"),
    [
        ("240.0.0.1", [], True),
        ("239.0.0.1", [], False),
        ("240.240.3.4", [], False),
        ("240.240.3.4", ["240.240.0.0/16"], True),
        ("255.255.255.255", [], False),
    ],
)
def test_where_a_pin_may_lie(address, special, allowed):
    ranges = [parse_prefix("240.0.0.0/4")]
    assert may_be_pinned(parse_address(address), ranges, map(parse_prefix, special)) is allowed
