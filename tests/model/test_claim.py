"""Claims: merging is a union, and the lines of text are the claims."""

from __future__ import annotations

import time
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.errors import LedgerError
from globaldns.model.address import parse_address
from globaldns.model.claim import (
    Claim,
    ClaimKind,
    Marker,
    format_claim,
    format_claims,
    format_head,
    format_time,
    parse_claims,
    parse_time,
    unite,
)
from globaldns.model.host import Host
from tests.ledger import shelves

TIMES = st.integers(0, 0xFFFF_FFFF)
"""Until the year 9999, the last that RFC 3339 can write."""
WORDS = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
ADDRESSES = st.ip_addresses().map(str).map(parse_address)
CLAIMS = st.builds(
    Claim,
    host=st.builds("{}.{}".format, WORDS, WORDS).map(Host),
    vip=ADDRESSES,
    allocated_at=TIMES,
    cluster=WORDS,
    kind=st.sampled_from(ClaimKind),
)
RETIRED = st.builds(lambda claim, at, why: claim.retire(at, why), CLAIMS, TIMES, WORDS)
OPEN = Claim(Host("a.ns"), parse_address("240.0.0.1"), 5, "east", ClaimKind.GIVEN)
READINGS = st.just(OPEN) | st.builds(OPEN.retire, st.integers(0, 9), st.sampled_from("xy"))
LINE = "reviews.bookinfo 240.140.3.9 2026-01-02T03:04:05Z east given - -"


@pytest.fixture
def in_tokyo(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@given(st.lists(READINGS, min_size=1, max_size=4))
def test_readings_of_a_claim_merge_into_one_in_any_order_and_however_often(readings):
    (merged,) = {reduce(Claim.merge, [*order, order[0]]) for order in permutations(readings)}
    retired = [one.retired_at for one in readings if one.retired_at is not None]
    assert merged.retired_at == min(retired, default=None)
    assert merged in readings
    assert merged.key == OPEN.key


@given(CLAIMS, TIMES, TIMES)
def test_a_claim_is_retired_once_and_never_before_it_was_made(claim, first, second):
    retired = claim.retire(first, "withdrawn")
    assert not claim.is_retired
    assert retired.is_retired
    assert (retired.key, retired.reason) == (claim.key, "withdrawn")
    assert retired.retired_at == max(first, claim.allocated_at)
    assert retired.retire(second, "collision") == retired


@pytest.mark.parametrize(
    "other",
    [
        Claim(Host("b.ns"), OPEN.vip, 5, "east", ClaimKind.GIVEN),
        Claim(OPEN.host, parse_address("240.0.0.2"), 5, "east", ClaimKind.GIVEN),
        Claim(OPEN.host, OPEN.vip, 6, "east", ClaimKind.GIVEN),
        Claim(OPEN.host, OPEN.vip, 5, "west", ClaimKind.GIVEN),
        Claim(OPEN.host, OPEN.vip, 5, "east", ClaimKind.PINNED),
    ],
)
def test_host_vip_date_cluster_and_kind_make_a_claim_what_it_is(other):
    assert other.key != OPEN.key
    assert OPEN.retire(9, "withdrawn").key == OPEN.key


def test_a_pin_is_the_strongest_kind_and_a_number_of_ours_the_weakest():
    assert list(ClaimKind) == [ClaimKind.PINNED, ClaimKind.CHOSEN, ClaimKind.GIVEN]


@given(TIMES)
def test_a_time_is_read_as_it_is_written(at):
    assert parse_time(format_time(at)) == at


@pytest.mark.usefixtures("in_tokyo")
def test_a_time_is_utc_wherever_the_machine_stands():
    assert format_time(0) == "1970-01-01T00:00:00Z"
    assert parse_time("2026-01-02T03:04:05Z") == 1767323045


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05+00:00", "2026-02-30T00:00:00Z"],
)
def test_what_is_no_such_time_is_refused(text):
    with pytest.raises(ValueError, match="is no time like 2026-01-02T03:04:05Z"):
        parse_time(text)


@given(st.lists(CLAIMS | RETIRED, unique=True))
def test_claims_are_read_as_they_are_written_in_whatever_order(claims):
    text = format_claims(claims)
    assert sorted(parse_claims(text)) == sorted(claims)
    assert format_claims(reversed(claims)) == text
    assert text.splitlines(keepends=True) == sorted(f"{format_claim(one)}\n" for one in claims)


def test_a_claim_is_a_line_of_seven_fields():
    text = f"""\
old.bookinfo 240.140.3.10 2026-01-02T03:04:05Z east given 2026-02-01T00:00:00Z withdrawn
{LINE}
"""
    host, vip = Host("old.bookinfo"), parse_address("240.140.3.10")
    old = Claim(host, vip, 1767323045, "east", ClaimKind.GIVEN, 1769904000, "withdrawn")
    new = Claim(
        Host("reviews.bookinfo"), parse_address("240.140.3.9"), 1767323045, "east", ClaimKind.GIVEN
    )
    assert parse_claims(text) == (old, new)
    assert format_claims([new, old]) == text


@pytest.mark.parametrize("text", ["", "\n", "  \n", "# none\n", "#\n\n# a b c d e f g\n"])
def test_empty_lines_and_comments_are_no_claims(text):
    assert parse_claims(text) == ()
    assert len(parse_claims(f"{text}{LINE}\n{text}")) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("reviews.bookinfo", "1 fields, a claim has 7"),
        (f"{LINE} more", "8 fields, a claim has 7"),
        (LINE.replace(" ", "  ", 1), "8 fields, a claim has 7"),
        (LINE.replace("240.140.3.9", "240.140.3"), "'240.140.3' is no IP address"),
        (LINE.replace("given", "lent"), "'lent' is no kind of claim: pinned, chosen, given"),
        (LINE.replace("T03", " 03"), "8 fields, a claim has 7"),
        (LINE.replace("Z", ""), "'2026-01-02T03:04:05' is no time like 2026-01-02T03:04:05Z"),
        (LINE.replace(" - -", " soon -"), "'soon' is no time like 2026-01-02T03:04:05Z"),
    ],
)
def test_a_broken_line_is_refused_with_its_number_and_itself(line, reason):
    with pytest.raises(LedgerError) as caught:
        parse_claims(f"# a ledger\n\n{LINE}\n{line}\n")
    assert str(caught.value).startswith(f"line 4: {reason}")
    assert str(caught.value).endswith(f": {line[:100]!r}")


def test_an_endless_line_is_shown_from_its_beginning():
    with pytest.raises(LedgerError) as caught:
        parse_claims("x" * 100_000)
    assert len(str(caught.value)) < 200


VIPS = (parse_address("240.140.3.9"), parse_address("240.140.3.10"))


def test_a_text_that_was_cut_is_refused():
    claims = [
        Claim(Host(f"h{n}.ns"), vip, 1, "east", ClaimKind.GIVEN) for n, vip in enumerate(VIPS)
    ]
    head = format_head(Marker("m", 0), cluster="east", count=len(claims), now=5)
    lines = (head + format_claims(claims)).splitlines(keepends=True)
    assert len(parse_claims("".join(lines))) == 2
    assert len(parse_claims("".join(lines * 2))) == 4
    for text in ("".join(lines[:-1]), head):
        with pytest.raises(LedgerError, match="its head says 2"):
            parse_claims(text)


@settings(max_examples=50)
@given(st.lists(shelves.CLAIMS), st.lists(shelves.CLAIMS), st.lists(shelves.CLAIMS))
def test_uniting_knows_neither_order_nor_repetition(
    a: list[Claim], b: list[Claim], c: list[Claim]
) -> None:
    assert unite(a, b) == unite(b, a) == unite(a, b, b)
    assert unite(unite(a, b).values(), c) == unite(a, unite(b, c).values())
    assert unite(a, b).keys() == unite(a).keys() | unite(b).keys()


@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [(None, 5, 5), (5, None, 5), (7, 5, 5), (5, 7, 5), (None, None, None)],
)
def test_the_earlier_retirement_counts(
    one: int | None, other: int | None, stands: int | None
) -> None:
    plain = shelves.claim()
    sides = [
        [plain if ends is None else plain.retire(shelves.START + ends, "withdrawn")]
        for ends in (one, other)
    ]
    (united,) = unite(*sides).values()
    assert united.retired_at == (None if stands is None else shelves.START + stands)
