"""What is known of objects; tests of GlobalServices and of routes have more of it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from globaldns.apply.known import KnownObjects


class Thing(NamedTuple):
    name: str
    version: str = "1"
    subject: str = "s"

    @property
    def kind(self) -> str:
        """Its first letter."""
        return self.name[0]


@pytest.fixture
def known() -> KnownObjects[str, str, Thing]:
    return KnownObjects(lambda one: one.name, lambda one: one.subject, lambda one: one.kind)


def test_what_is_put_is_news_once(known: KnownObjects[str, str, Thing]) -> None:
    assert known.put(Thing("a1"))
    assert not known.put(Thing("a1"))
    assert known.put(Thing("a1", "2"))
    assert [*known] == [Thing("a1", "2")]


@pytest.mark.parametrize("version", ["9", "10"])
def test_versions_are_numbers_and_the_older_is_no_news(
    version: str, known: KnownObjects[str, str, Thing]
) -> None:
    known.put(Thing("a1", "10", "new"))
    is_news = version == "10"
    assert known.put(Thing("a1", version)) is is_news
    assert known.remove(Thing("a1", version)) is is_news
    assert len(known) == (not is_news)


def test_a_list_says_what_is_gone_of_its_kind(known: KnownObjects[str, str, Thing]) -> None:
    for name in ("a1", "a2", "b1"):
        known.put(Thing(name, "5"))
    known.begin("a")
    assert known.put(Thing("a2", "3")), "a list shows what is, however old"
    assert not known.put(Thing("b1", "3")), "it is of another kind"
    assert known.complete("a") == [Thing("a1", "5")]
    assert [*known] == [Thing("a2", "3"), Thing("b1", "5")]
    assert not known.put(Thing("a2", "2")), "the list is over"


def test_a_list_that_was_never_begun_says_nothing(known: KnownObjects[str, str, Thing]) -> None:
    known.put(Thing("a1"))
    assert known.complete("a") == []
    assert len(known) == 1


def test_things_are_found_by_what_they_are_about_now(known: KnownObjects[str, str, Thing]) -> None:
    for name in ("a1", "a2", "b1"):
        known.put(Thing(name))
    known.put(Thing("a1", "2", "other"))
    assert known.about("s") == (Thing("a2"), Thing("b1"))
    assert known.about("other") == (Thing("a1", "2", "other"),)
    assert known.drop("a1") == Thing("a1", "2", "other")
    assert known.drop("a1") is None
    assert [*known.subjects] == ["s"]
    known.clear("a")
    assert known.about("s") == (Thing("b1"),)
    assert known.about("other") == ()
