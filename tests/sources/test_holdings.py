from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globaldns.objects import ObjectKey
from globaldns.sources.holdings import Holdings
from globaldns.sources.manifest import Manifest
from globaldns.sources.scan import Stamp


def key(name: str) -> ObjectKey:
    return ObjectKey("ServiceEntry", "ns", name)


def manifest(path: str, names: str) -> Manifest:
    """A file in which every letter is an object; all by reference, which is all that counts."""
    keys = frozenset(map(key, names))
    return Manifest(path, Stamp(1, 1, 1), path.encode() + names.encode(), refused=keys)


def expire(holdings: Holdings, now: float) -> str:
    return "".join(sorted(gone.name for gone in holdings.expire(now, 30.0)))


def test_an_object_in_no_file_is_gone_after_its_grace() -> None:
    holdings = Holdings()
    holdings.take(manifest("f", "ab"))
    holdings.take(manifest("f", "a"))
    assert expire(holdings, 0) == ""
    assert holdings.deadline == 30
    assert expire(holdings, 29) == ""
    assert expire(holdings, 30) == "b"
    assert holdings.deadline is None


def test_an_object_that_comes_back_has_its_whole_grace_again() -> None:
    holdings = Holdings()
    holdings.take(manifest("f", "a"))
    holdings.take(manifest("f", ""))
    assert expire(holdings, 0) == ""
    holdings.take(manifest("g", "a"))
    assert expire(holdings, 40) == ""
    holdings.drop("g")
    assert expire(holdings, 50) == ""
    assert expire(holdings, 80) == "a"


def test_silence_starts_every_grace_anew() -> None:
    holdings = Holdings()
    holdings.take(manifest("f", "a"))
    holdings.drop("f")
    assert expire(holdings, 0) == ""
    holdings.pause()
    assert expire(holdings, 100) == ""
    assert expire(holdings, 130) == "a"


def test_of_two_files_the_first_by_path_counts() -> None:
    holdings = Holdings()
    holdings.take(manifest("b", "x"))
    holdings.take(manifest("a", "x"))
    assert holdings.is_taken_from(key("x"), "a")
    (finding,) = holdings.findings("east")
    assert (finding.code, finding.file) == ("duplicate-object", "b")


def test_another_file_inherits_what_the_first_loses() -> None:
    holdings = Holdings()
    for path in "abc":
        holdings.take(manifest(path, "x"))
    holdings.take(manifest("a", ""))
    assert holdings.inherit() == {"b"}
    assert holdings.is_taken_from(key("x"), "b")
    assert expire(holdings, 100) == ""


TURNS = st.lists(
    st.tuples(st.sampled_from("fgh"), st.none() | st.text("abc", max_size=3)), max_size=12
)


@given(turns=TURNS)
def test_an_object_is_taken_from_the_first_file_that_holds_it_whatever_happened(
    turns: list[tuple[str, str | None]],
) -> None:
    holdings = Holdings()
    files: dict[str, str] = {}
    for path, names in turns:
        if names is not None:
            files[path] = names
            holdings.take(manifest(path, names))
        elif files.pop(path, None) is not None:
            holdings.drop(path)
        while holdings.inherit():
            pass
        holdings.expire(0, 30.0)
    owners = {
        name: min(path for path in files if name in files[path]) for name in "".join(files.values())
    }
    assert all(holdings.is_taken_from(key(name), path) for name, path in owners.items())
    contested = sum(sum(name in names for names in files.values()) - 1 for name in owners)
    assert len(list(holdings.findings("east"))) == contested
