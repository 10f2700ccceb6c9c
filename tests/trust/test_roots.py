"""Whether clusters share a root: the table of roots.py, and what must be true of any."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.trust.roots import Bundle, Root, Standing, compare_roots
from globaldns.trust.validity import Fault, Validity
from tests.trust.authorities import NOW, after

LIVES = Validity(0, after(1000))


def root(digit: str, validity: Validity = LIVES) -> Root:
    return Root(digit * 64, f"CN=Root {digit}", validity)


def bundles(text: str) -> tuple[Bundle, ...]:
    """``east:1 west:12 flat:`` as bundles; without a root: not known."""
    return tuple(
        Bundle(name, tuple(map(root, digits)), "" if digits else "refused")
        for name, _, digits in (part.partition(":") for part in text.split())
    )


def said(faults: tuple[Fault, ...]) -> list[str]:
    return [f"{fault.place} {fault.code}" for fault in faults]


@pytest.mark.parametrize(
    ("text", "standings", "faults"),
    [
        ("", "", []),
        ("east:1", "alone", []),
        ("east:1 west:1 flat:1", "shared shared shared", []),
        ("east:12 west:12", "shared shared", []),
        ("east:1 west:12", "partial shared", ["east root-lacking"]),
        (
            "east:1 west:12 flat:1",
            "partial shared partial",
            ["east root-lacking", "flat root-lacking"],
        ),
        ("east:13 west:12", "partial partial", ["east root-lacking", "west root-lacking"]),
        ("east:1 west:2 flat:1", "shared foreign shared", ["west root-foreign"]),
        ("east:1 west:23 flat:1", "shared foreign shared", ["west root-foreign"]),
        ("east:1 west:2", "differs differs", ["east root-differs", "west root-differs"]),
        (
            "east:1 west:12 flat:2",
            "differs differs differs",
            ["east root-differs", "west root-differs", "flat root-differs"],
        ),
        (
            "east:1 west:2 flat:3",
            "differs differs differs",
            ["east root-differs", "west root-differs", "flat root-differs"],
        ),
        (
            "a:1 b:1 c:2 d:2",
            "differs differs differs differs",
            ["a root-differs", "b root-differs", "c root-differs", "d root-differs"],
        ),
        (
            "a:1 b:1 c:12 d:2",
            "partial partial shared foreign",
            ["a root-lacking", "b root-lacking", "d root-foreign"],
        ),
        ("east:1 west:1 flat:", "shared shared unknown", ["flat root-unknown"]),
        ("east:1 west:", "alone unknown", ["west root-unknown"]),
        ("east: west:", "unknown unknown", ["east root-unknown", "west root-unknown"]),
    ],
)
def test_clusters_are_compared_with_what_most_of_them_have(
    text: str, standings: str, faults: list[str]
) -> None:
    compared = compare_roots(bundles(text), NOW)
    assert " ".join(compared.standings.values()) == standings
    assert said(compared.faults) == faults


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "east:1 west:2 flat:1",
            (
                "its root is 2222222222222222… (CN=Root 2), and not 1111111111111111… (CN=Root 1) "
                "as in east, flat: they refuse each other"
            ),
        ),
        (
            "east:1 west:12",
            (
                "it lacks the root 2222222222222222… (CN=Root 2), which west has: "
                "what is below it is refused here"
            ),
        ),
        (
            "z:1 a:12 b:12 c:12 d:12 e:12",
            (
                "it lacks the root 2222222222222222… (CN=Root 2), which a, b, c and 2 more have: "
                "what is below it is refused here"
            ),
        ),
        ("flat: east:1 west:1", "its root is not known: refused"),
    ],
)
def test_a_difference_names_who_has_what(text: str, reason: str) -> None:
    assert compare_roots(bundles(text), NOW).faults[0].reason == reason


def test_where_none_is_odd_all_are_listed_with_whole_fingerprints() -> None:
    faults = compare_roots(bundles("east:1 west:2"), NOW).faults
    assert ["1" * 64 in faults[0].reason, "2" * 64 in faults[1].reason] == [True, True]


def test_only_a_difference_is_an_error() -> None:
    faults = compare_roots(bundles("a:1 b:1 c:12 d:3 e:"), NOW).faults
    assert {fault.code: fault.is_fatal for fault in faults} == {
        "root-lacking": False,
        "root-foreign": True,
        "root-unknown": False,
    }
    assert all(fault.hint for fault in faults if fault.code != "root-unknown")


@pytest.mark.parametrize(
    ("validities", "expected"),
    [
        ([Validity(0, after(-1))], ["certificate-expired True"]),
        ([Validity(0, after(9))], ["certificate-expiring False"]),
        ([Validity(0, after(-1)), LIVES], ["certificate-expired False"]),
        ([Validity(after(1), after(9)), LIVES], ["certificate-early False"]),
        (
            [Validity(0, after(-2)), Validity(0, after(-1))],
            ["certificate-expired True", "certificate-expired True"],
        ),
    ],
)
def test_an_expired_root_is_an_error_where_no_other_is_beside_it(
    validities: list[Validity], expected: list[str]
) -> None:
    roots = tuple(root(str(number), one) for number, one in enumerate(validities))
    faults = compare_roots([Bundle("east", roots)], NOW).faults
    assert [f"{fault.code} {fault.is_fatal}" for fault in faults] == expected


def test_a_root_that_nobody_believes_any_more_makes_no_difference() -> None:
    old = root("1", Validity(0, after(-1)))
    two, three = root("2"), root("3")
    rotated = compare_roots([Bundle("east", (old, two)), Bundle("west", (two,))], NOW)
    assert said(rotated.faults) == ["east certificate-expired"]
    torn = compare_roots([Bundle("east", (old, two)), Bundle("west", (old, three))], NOW)
    assert set(torn.standings.values()) == {Standing.DIFFERS}


MESHES = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("123")), max_size=6)


def read(mesh: Mapping[str, set[str]]) -> tuple[Bundle, ...]:
    """Return the bundles of clusters by name."""
    return bundles(" ".join(f"{name}:{''.join(sorted(ones))}" for name, ones in mesh.items()))


@given(MESHES)
def test_the_order_of_clusters_does_not_matter(mesh: dict[str, set[str]]) -> None:
    there, back = (compare_roots(each, NOW) for each in (read(mesh), read(mesh)[::-1]))
    assert there.standings == back.standings
    assert sorted(said(there.faults)) == sorted(said(back.faults))


@given(MESHES)
def test_there_is_an_error_unless_all_that_are_known_share_a_root(
    mesh: dict[str, set[str]],
) -> None:
    known = [digits for digits in mesh.values() if digits]
    is_wrong = any(fault.is_fatal for fault in compare_roots(read(mesh), NOW).faults)
    assert is_wrong is bool(known and not set.intersection(*known))
