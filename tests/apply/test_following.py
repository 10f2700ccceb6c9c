"""What stands in our cluster, from notice to notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from globaldns.apply.following import Following, FollowingSeams
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import (
    Absent,
    Begun,
    Contact,
    Found,
    Listed,
    Notice,
    Put,
    Removed,
    Timing,
)
from tests.apply.showing import manifest


class Told:
    """A follower that follows nothing but the test."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.moved_in: list[str] = []
        self.listed = 0
        seams = FollowingSeams(
            changed=self.changed.extend, moved_in=self.moved_in.append, listed=self._count
        )
        self.following = Following(Client(Access(path=Path("none"))), "east", seams, Timing())

    def _count(self) -> None:
        self.listed += 1

    def namespaces(self, *notices: Notice) -> set[str]:
        for notice in notices:
            self.following.take_namespace(notice)
        return self.following.namespaces

    def objects(self, *notices: Notice) -> None:
        for notice in notices:
            self.following.take_object(notice)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def namespace(name: str, **metadata: Any) -> msgspec.Raw:
    return raw({"metadata": {"name": name, **metadata}})


@pytest.fixture
def told() -> Told:
    return Told()


def listed(told: Told, *names: str) -> None:
    told.namespaces(Begun(), *(Found(namespace(name)) for name in names), Listed())


def test_what_stands_is_known_once_both_are_listed(told: Told) -> None:
    listed(told, "a", "b")
    assert (told.following.is_listed, told.listed) == (False, 0)
    told.objects(Begun(), Found(raw(manifest("x"))), Listed())
    assert (told.following.is_listed, told.listed) == (True, 1)
    told.objects(Begun(), Found(raw(manifest("x"))), Listed())
    assert told.listed == 1


def test_namespaces_come_and_go(told: Told) -> None:
    listed(told, "a", "b")
    assert told.moved_in == []
    assert told.namespaces(Put(namespace("c")), Put(namespace("a")), Contact()) == {*"abc"}
    assert told.namespaces(Removed(namespace("b"))) == {*"ac"}
    listed(told, "c")
    assert told.following.namespaces == {"c"}
    assert told.moved_in == ["c", "b", "a"]


def test_in_a_namespace_that_is_going_nothing_can_be_created(told: Told) -> None:
    listed(told, "a")
    assert told.namespaces(Put(namespace("a", deletionTimestamp="2026-01-02T03:04:05Z"))) == set()
    assert told.namespaces(Put(namespace("z", deletionTimestamp="2026-01-02T03:04:05Z"))) == set()
    assert told.moved_in == ["a"]


def test_every_change_of_an_object_is_told_once(told: Told) -> None:
    told.objects(Begun(), Listed(), Put(raw(manifest("x"))), Put(raw(manifest("x"))))
    told.objects(Put(raw(manifest("x", mark="east"))), Put(raw({"metadata": {}})))
    told.objects(Removed(raw(manifest("x"))), Removed(raw(manifest("x"))), Removed(raw({})))
    assert told.changed == ["x.ns"] * 3


def test_what_a_new_list_lacks_is_told(told: Told) -> None:
    told.objects(Begun(), Found(raw(manifest("x"))), Found(raw(manifest("y"))), Listed())
    told.changed.clear()
    told.objects(Begun(), Found(raw(manifest("y"))), Listed(), Contact())
    assert told.changed == ["x.ns"]


def test_without_the_kind_nothing_is_known_until_it_is_there_again(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    listed(told, "a")
    told.objects(Begun(), Found(raw(manifest("x"))), Listed(), Absent(), Absent())
    assert not told.following.is_listed
    assert len(told.following.objects) == 0
    assert len(caplog.records) == 1
    told.objects(Begun(), Listed())
    assert told.listed == 2
