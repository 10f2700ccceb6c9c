"""What a cluster writes about one host: tables of what it has, and what follows."""

import pytest
from msgspec import structs

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.registry.claiming import (
    COLLISION,
    REPLACED,
    UNPINNED,
    WITHDRAWN,
    copy_claims,
    end_claims,
    lost_claims,
    pin_claims,
    unused_date,
)
from globaldns.registry.pins import Pinning
from tests.registry.mesh import (
    A,
    claim,
    export,
    vip,
)

NOW = 50
X, Y = vip("240.0.0.1"), vip("240.0.0.2")
PINNED, CHOSEN = ClaimKind.PINNED, ClaimKind.CHOSEN


def made(address: Address, at: int, cluster: str = "east", **fields) -> Claim:
    reason = fields.pop("reason", "")
    text = ".".join(map(str, address))
    return structs.replace(claim("a.ns", text, at, cluster, **fields), reason=reason)


def pinning(*pins: Address, dated_at: int | None = 5) -> Pinning:
    return Pinning("east", A, export("a.ns").origin, 5, pins, dated_at)


PINS = [
    # what is pinned, what the cluster claims, what it writes
    (pinning(X), [], [made(X, 5, kind=PINNED)]),
    (pinning(X, dated_at=None), [], [made(X, NOW, kind=PINNED)]),
    (pinning(X, dated_at=NOW + 1), [], [made(X, NOW, kind=PINNED)]),
    (pinning(X, X), [], [made(X, 5, kind=PINNED)]),
    (pinning(X), [made(X, 5, kind=PINNED)], []),
    (pinning(X, Y), [made(X, 5, kind=PINNED)], [made(Y, 5, kind=PINNED)]),
    (pinning(X, dated_at=None), [made(X, 9, kind=PINNED)], []),
    (
        pinning(X, Y, dated_at=None),
        [made(X, 9, kind=PINNED)],
        [
            made(X, 9, kind=PINNED, retired_at=NOW, reason=REPLACED),
            *(made(pin, NOW, kind=PINNED) for pin in (X, Y)),
        ],
    ),
    (
        pinning(Y),
        [made(X, 5, kind=PINNED)],
        [made(X, 5, kind=PINNED, retired_at=NOW, reason=UNPINNED), made(Y, 5, kind=PINNED)],
    ),
    (
        pinning(X, dated_at=20),
        [made(X, 5, kind=PINNED)],
        [made(X, 5, kind=PINNED, retired_at=NOW, reason=REPLACED), made(X, 20, kind=PINNED)],
    ),
    (
        pinning(Y, dated_at=None),
        [made(X, 5, kind=PINNED)],
        [made(X, 5, kind=PINNED, retired_at=NOW, reason=UNPINNED), made(Y, NOW, kind=PINNED)],
    ),
    (pinning(X), [made(X, 5, kind=PINNED, retired_at=9)], [made(X, NOW, kind=PINNED)]),
    (
        pinning(X, Y),
        [made(X, at, kind=PINNED, retired_at=60) for at in (5, NOW, NOW + 1)],
        [made(X, NOW + 2, kind=PINNED), made(Y, NOW + 2, kind=PINNED)],
    ),
    (
        None,
        [made(X, 5, kind=PINNED), made(Y, 5)],
        [made(X, 5, kind=PINNED, retired_at=NOW, reason=UNPINNED)],
    ),
    (None, [made(X, 5, kind=PINNED, retired_at=9)], []),
]


@pytest.mark.parametrize(("pinned", "mine", "written"), PINS)
def test_a_cluster_writes_what_is_pinned_now_and_ends_what_no_longer_is(pinned, mine, written):
    assert pin_claims(pinned, mine, date=NOW, may_pin=lambda _: True) == written


def test_what_may_not_be_pinned_is_not_claimed_but_a_claim_of_it_is_kept():
    refused = pin_claims(pinning(X, Y), [], date=NOW, may_pin=lambda pin: pin == Y)
    assert [pin.vip for pin in refused] == [Y]
    claimed = [made(X, 5, kind=PINNED)]
    assert pin_claims(pinning(X), claimed, date=NOW, may_pin=lambda _: False) == []


def test_a_host_that_is_not_exported_any_more_ends_its_numbers_and_not_its_pins():
    mine = [
        made(X, 5),
        made(X, 6, kind=CHOSEN),
        made(Y, 5, kind=PINNED),
        made(Y, 5, retired_at=7, reason=COLLISION),
    ]
    ended = end_claims(mine, date=NOW)
    assert ended == [mine[0].retire(NOW, WITHDRAWN), mine[1].retire(NOW, WITHDRAWN)]


@pytest.mark.parametrize(("is_replaced", "reason"), [(True, REPLACED), (False, COLLISION)])
def test_a_number_that_is_not_held_is_retired_with_its_reason(is_replaced, reason):
    mine = [made(X, 5), made(Y, 5), made(Y, 5, kind=PINNED), made(Y, 2, retired_at=3)]
    held = [made(X, 1, "west")]
    lost = lost_claims(mine, held, date=NOW, is_replaced=lambda _: is_replaced)
    assert list(lost) == [made(Y, 5, retired_at=NOW, reason=reason)]


COPIES = [
    # what the cluster has, the dates at which a copy would be void, the dates of what it copies
    ([], [], [7]),
    ([made(X, 3)], [], []),
    ([made(X, 7, retired_at=9)], [], [NOW]),
    ([made(X, 3, retired_at=9)], [], [7]),
    ([made(X, at, retired_at=60) for at in (7, NOW)], [], [NOW + 1]),
    ([made(X, 7, kind=PINNED, retired_at=9)], [], [7]),
    ([], [7], [NOW]),
    ([], [7, NOW], []),
]


@pytest.mark.parametrize(("mine", "void", "dates"), COPIES)
def test_a_copy_has_its_originals_date_unless_that_is_spent_or_void(mine, void, dates):
    held = [made(X, 7, "west", kind=CHOSEN)]
    copied = copy_claims("east", mine, held, date=NOW, would_be_void=lambda _h, _v, at: at in void)
    assert list(copied) == [made(X, at) for at in dates]


@pytest.mark.parametrize(
    ("wanted", "kind", "date"),
    [
        (6, ClaimKind.GIVEN, 6),
        (7, ClaimKind.GIVEN, NOW),
        (7, CHOSEN, 7),
        (NOW + 9, ClaimKind.GIVEN, NOW + 10),
    ],
)
def test_no_claim_that_was_retired_is_made_again(wanted, kind, date):
    mine = [made(X, 7, retired_at=9), made(X, NOW + 9, retired_at=99), made(X, 6), made(Y, 6)]
    assert unused_date(mine, X, wanted, NOW, kind) == date
