"""What is known of names in a zone that was not served when the run before was read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from globaldns.model.view import Doubt, SetFreshness, SourceState, View
from globaldns.sources.directory import DirectorySource
from globaldns.sources.remembered import decode_view, encode_view
from tests.sources.manifests import (
    GRACE,
    at,
    empty,
    entry,
    hosts,
    misshapen,
    refused,
    serving,
    started,
)

BOTH = ("global", "mesh")


def in_mesh(text: str) -> str:
    """Return an entry whose only host lies in the zone that is added."""
    return text.replace(".global]", ".mesh]")


def read(root: Path, view: View | None, *zones: str) -> DirectorySource:
    source = serving(root, view, *zones)
    source.read_once(at(0))
    return source


def before(root: Path) -> View:
    """Return what a run said that served only one zone, of three files."""
    texts = {"a": entry("a"), "y": entry("y"), "z": in_mesh(entry("z"))}
    view = started(root, **texts).view()
    assert hosts(view) == {"a", "y"}
    return view


def restarted(source: DirectorySource, *zones: str) -> DirectorySource:
    view = source.view()
    return read(source.root, decode_view(encode_view(view, view.exports), "east"), *zones)


def is_known(source: DirectorySource, *zones: str) -> bool:
    """Whether what is published is known in zones, by the source and by what it leaves behind."""
    view = source.view()
    assert view.freshness == source.freshness
    return source.freshness.is_known_in(zones)


def test_until_it_is_read_again_nothing_is_known_of_a_new_zone(root: Path) -> None:
    source = serving(root, before(root), *BOTH)
    assert (is_known(source, *BOTH), is_known(source, "global")) == (False, True)
    source.read_once(at(0))
    assert is_known(source, *BOTH)
    assert hosts(source) == {"a", "y", "z"}


def test_a_source_that_is_silent_knows_nothing_of_a_new_zone_for_as_long(root: Path) -> None:
    view = before(root)
    empty(root)
    source = read(root, view, *BOTH)
    source.read_once(at(10 * GRACE))
    assert (source.freshness.state, is_known(source, *BOTH)) == (SourceState.REMEMBERED, False)
    anew = restarted(source, *BOTH)
    assert (anew.freshness.state, is_known(anew, *BOTH)) == (SourceState.REMEMBERED, False)


SPOILT = {"broken": "x: [", "refused": refused("z"), "misshapen": misshapen("z")}


@pytest.mark.parametrize("text", SPOILT.values(), ids=SPOILT)
def test_what_cannot_be_read_may_have_said_anything_of_a_new_zone(root: Path, text: str) -> None:
    view = before(root)
    (root / "z.yaml").write_text(in_mesh(text))
    source = read(root, view, *BOTH)
    for one in (source, restarted(source, *BOTH)):
        one.read_once(at(10 * GRACE))
        assert (is_known(one, *BOTH), one.freshness.doubt) == (False, Doubt.PARTIAL)
        assert one.freshness.reason == "z.yaml could never be read as a whole since mesh is served"
    assert is_known(restarted(source, "global"), "global")
    (root / "z.yaml").write_text(in_mesh(entry("z")))
    changes = source.read_once(at(11 * GRACE))
    assert isinstance(changes[-1], SetFreshness)
    assert (is_known(source, *BOTH), hosts(source)) == (True, {"a", "y", "z"})


@pytest.mark.parametrize("spoil", [refused, misshapen])
def test_what_stands_of_a_refused_entry_is_in_the_zones_of_then(
    root: Path, spoil: Callable[[str], str]
) -> None:
    view = before(root)
    (root / "y.yaml").write_text(spoil("y"))
    source = read(root, view, *BOTH)
    source.read_once(at(10 * GRACE))
    assert (is_known(source, *BOTH), hosts(source)) == (False, {"a", "y", "z"})
    (root / "y.yaml").unlink()
    source.read_once(at(11 * GRACE))
    assert is_known(source, *BOTH)


def test_a_refused_entry_of_a_new_file_never_said_anything(root: Path) -> None:
    view = before(root)
    (root / "n.yaml").write_text(refused("n"))
    assert is_known(read(root, view, *BOTH), *BOTH)


@pytest.mark.parametrize("zones", [("global",), ("mesh",), ("mesh", "global")])
def test_zones_that_are_removed_or_reordered_leave_nothing_unknown(
    root: Path, zones: tuple[str, ...]
) -> None:
    before(root)
    view = read(root, None, *BOTH).view()
    (root / "y.yaml").write_text(refused("y"))
    (root / "z.yaml").write_text("x: [")
    source = serving(root, view, *zones)
    assert is_known(source, *zones)
    source.read_once(at(0))
    assert (is_known(source, *zones), source.freshness.zones) == (True, zones)
    assert hosts(source) == {"a", "y", "z"}


def test_a_view_that_does_not_say_its_zones_was_read_with_none(root: Path) -> None:
    view = before(root)
    assert view.freshness is not None
    payload = encode_view(view, view.exports)
    older = payload.replace(b"\xa5zones\x91\xa6global", b"\xa5other\x91\xa6global", 1)
    assert older != payload
    source = serving(root, decode_view(older, "east"), "global")
    assert not is_known(source, "global")
    source.read_once(at(0))
    assert is_known(source, "global")
