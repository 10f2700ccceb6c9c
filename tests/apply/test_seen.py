"""What was seen of the GlobalServices of our cluster."""

from __future__ import annotations

import pytest

from globaldns.apply.seen import SeenObjects, read_seen
from globaldns.model.host import Host
from globaldns.model.place import Place
from tests.apply.showing import NOW, seen


def test_an_object_is_ours_by_our_own_mark_only() -> None:
    assert seen("a", mark="east").is_ours
    assert not seen("a", mark="west").is_ours
    assert not seen("a").is_ours


@pytest.mark.parametrize(
    ("mark", "host", "elsewhere"),
    [("east", "a.b", True), ("", "x.ns", False), ("west", "x.ns", False)],
)
def test_only_ours_are_about_another_host(mark: str, host: str, *, elsewhere: bool) -> None:
    found = seen("x", mark=mark, host="a.b")
    assert (found.host, found.is_elsewhere) == (host, elsewhere)


@pytest.mark.parametrize(
    ("spec", "is_disposable"),
    [({}, True), ({"spec": None}, True), ({"spec": {}}, True), ({"spec": {"pins": []}}, False)],
)
def test_what_people_wrote_into_ours_keeps_it(
    spec: dict[str, object], *, is_disposable: bool
) -> None:
    assert seen("a", mark="east", **spec).is_disposable is is_disposable
    assert not seen("a", **spec).is_disposable


@pytest.mark.parametrize(
    ("renumber", "read"),
    [("2026-01-02T03:04:05Z", NOW), ("2026-01-02T04:04:05+01:00", NOW), ("soon", None), (5, None)],
)
def test_a_wish_is_a_time(renumber: object, read: int | None) -> None:
    assert seen("a", spec={"renumber": renumber}).renumber == read


def test_the_status_is_kept_as_it_is_read() -> None:
    assert seen("a", status={"host": "a"}).status == b'{"host":"a"}'
    assert seen("a", status=None).status == seen("a").status == b""


@pytest.mark.parametrize("data", [b"", b"{}", b'{"metadata": {"name": "a"}}', b"[]"])
def test_what_is_no_object_is_none(data: bytes) -> None:
    assert read_seen(data, "east") is None


def test_an_older_version_is_no_news_but_in_a_list() -> None:
    objects = SeenObjects()
    assert objects.put(seen("a", version=10))
    assert not objects.put(seen("a", version=9, mark="east"))
    assert not objects.put(seen("a", version=10))
    assert not objects.remove(seen("a", version=9))
    objects.begin()
    assert objects.put(seen("a", version=2, mark="east"))
    assert objects.complete() == []
    assert [one.version for one in objects.about(Host("a.ns"))] == ["2"]


def test_what_a_list_does_not_show_is_gone() -> None:
    objects = SeenObjects()
    for name in "abc":
        objects.put(seen(name))
    objects.begin()
    objects.put(seen("b"))
    assert sorted(one.host for one in objects.complete()) == ["a.ns", "c.ns"]
    assert [*objects.subjects] == ["b.ns"]
    assert len(objects) == 1


def test_objects_about_one_host_are_found_together() -> None:
    objects = SeenObjects()
    objects.put(seen("a"))
    objects.put(seen("a-ns-1", "globaldns", mark="east", host="a.ns"))
    assert {str(one.place) for one in objects.about(Host("a.ns"))} == {
        "ns/a",
        "globaldns/a-ns-1",
    }
    assert objects.remove(seen("a"))
    assert not objects.remove(seen("a"))
    assert [one.place.name for one in objects.about(Host("a.ns"))] == ["a-ns-1"]


def test_an_object_that_is_about_another_host_now_is_not_about_the_old_one() -> None:
    objects = SeenObjects()
    objects.put(seen("x", "globaldns", mark="east", host="a.ns"))
    objects.put(seen("x", "globaldns", version=2))
    assert [*objects.subjects] == ["x.globaldns"]
    assert objects.drop(Place("globaldns", "x")) is not None
    assert objects.drop(Place("globaldns", "x")) is None
    objects.put(seen("y"))
    objects.clear()
    assert len(objects) == 0
