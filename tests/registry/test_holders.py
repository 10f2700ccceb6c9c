import pytest

from globaldns.model.address import format_address
from globaldns.model.claim import ClaimKind
from globaldns.registry.holders import holders
from tests.registry.mesh import claim

PINNED, CHOSEN = ClaimKind.PINNED, ClaimKind.CHOSEN
X, Y, Z = "240.0.0.1", "240.0.0.2", "240.0.0.3"

CASES = [
    ("a single claim holds", [claim("a.ns", X, 5)], {X: "a.ns"}),
    ("a retired claim holds nothing", [claim("a.ns", X, 5, retired_at=9)], {}),
    ("the older wins", [claim("a.ns", X, 6), claim("b.ns", X, 5)], {X: "b.ns"}),
    (
        "of the same age the smaller host wins",
        [claim("b.ns", X, 5), claim("a.ns", X, 5)],
        {X: "a.ns"},
    ),
    (
        "chosen beats given",
        [claim("a.ns", X, 1), claim("b.ns", X, 9, kind=CHOSEN)],
        {X: "b.ns"},
    ),
    (
        "the newest choice of a person wins",
        [claim("a.ns", X, 5, kind=CHOSEN), claim("a.ns", Y, 6, "west", kind=CHOSEN)],
        {Y: "a.ns"},
    ),
    (
        "pinned beats chosen",
        [claim("a.ns", X, 1, kind=CHOSEN), claim("b.ns", X, 9, kind=PINNED)],
        {X: "b.ns"},
    ),
    (
        "the older pin wins",
        [claim("a.ns", X, 8, kind=PINNED), claim("b.ns", X, 7, kind=PINNED)],
        {X: "b.ns"},
    ),
    (
        "a given claim made in ignorance stays void when the older one retires",
        [claim("a.ns", X, 5, retired_at=9), claim("b.ns", X, 7)],
        {},
    ),
    (
        "a VIP may be claimed in the very second in which it was retired",
        [claim("a.ns", X, 5, retired_at=7), claim("b.ns", X, 7)],
        {X: "b.ns"},
    ),
    (
        "a void claim makes no other void",
        [claim("a.ns", X, 5, retired_at=7), claim("b.ns", X, 6), claim("c.ns", X, 8)],
        {X: "c.ns"},
    ),
    (
        "copies by several clusters agree",
        [claim("a.ns", X, 5), claim("a.ns", X, 6, "west")],
        {X: "a.ns"},
    ),
    (
        "a host has one VIP of a family",
        [claim("a.ns", X, 5), claim("a.ns", Y, 6, "west"), claim("a.ns", "fd00::1", 7)],
        {X: "a.ns", "fd00::1": "a.ns"},
    ),
    (
        "all pins of one object are held",
        [claim("a.ns", X, 5, kind=PINNED), claim("a.ns", Y, 5, kind=PINNED)],
        {X: "a.ns", Y: "a.ns"},
    ),
    (
        "another object's pins are not",
        [claim("a.ns", X, 5, kind=PINNED), claim("a.ns", Y, 6, "west", kind=PINNED)],
        {X: "a.ns"},
    ),
    (
        "nothing stands in for a lost pin",
        [
            claim("a.ns", X, 6, kind=PINNED),
            claim("b.ns", X, 5, kind=PINNED),
            claim("a.ns", Z, 1),
            claim("a.ns", "fd00::1", 1),
        ],
        {X: "b.ns"},
    ),
    (
        "who loses one VIP may hold another",
        [claim("a.ns", X, 6), claim("b.ns", X, 5), claim("a.ns", Y, 7)],
        {X: "b.ns", Y: "a.ns"},
    ),
]


@pytest.mark.parametrize(("claims", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_who_holds_what(claims, expected):
    for order in (claims, claims[::-1]):
        found = {format_address(vip): won.host for vip, won in holders(order).items()}
        assert found == expected
