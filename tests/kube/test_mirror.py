"""What a follower tells, as the objects that there are."""

from __future__ import annotations

import msgspec

from globaldns.errors import ApiError
from globaldns.kube.mirror import Mirror
from globaldns.kube.watch import Absent, Begun, Contact, Failed, Found, Listed, Opened, Put, Removed


def data(name: str, text: str = "", namespace: str = "ns") -> msgspec.Raw:
    metadata = {"name": name, "namespace": namespace}
    return msgspec.Raw(msgspec.json.encode({"metadata": metadata, "text": text}))


def read(raw: msgspec.Raw) -> str | None:
    text: str = msgspec.json.decode(raw)["text"]
    return None if text == "odd" else text


def mirror(*names: str) -> Mirror[str]:
    made = Mirror(read)
    for notice in (Begun(), *(Found(data(name, "old")) for name in names), Listed()):
        made.take(notice)
    return made


def test_a_list_counts_as_a_whole() -> None:
    seen = mirror("a", "b")
    assert seen.objects == {("ns", "a"): "old", ("ns", "b"): "old"}
    for notice in (Begun(), Found(data("b", "new"))):
        assert not seen.take(notice)
        assert seen.objects[("ns", "a")] == seen.objects[("ns", "b")] == "old"
    assert seen.take(Listed())
    assert seen.objects == {("ns", "b"): "new"}


def test_what_changes_is_there_at_once() -> None:
    seen = mirror("a", "b")
    assert seen.take(Put(data("c", "new", "other")))
    assert seen.take(Removed(data("a")))
    assert seen.take(Put(data("b", "odd")))
    assert seen.objects == {("other", "c"): "new"}
    assert not seen.take(Opened())
    assert not seen.take(Contact())


def test_what_was_seen_stands_while_there_is_no_answer_and_goes_with_its_kind() -> None:
    seen = mirror("a")
    for notice in (Begun(), Failed(ApiError("gone"))):
        assert not seen.take(notice)
    assert seen.take(Put(data("b", "new")))
    assert seen.objects == {("ns", "a"): "old", ("ns", "b"): "new"}
    assert seen.take(Absent())
    assert seen.objects == {}


def test_what_goes_while_a_list_shows_it_is_gone() -> None:
    seen = mirror("a")
    for notice in (Begun(), Found(data("a", "new")), Removed(data("a")), Listed()):
        seen.take(notice)
    assert seen.objects == {}
