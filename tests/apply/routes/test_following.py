"""What is told of what stands."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from msgspec import Raw, json

from globaldns.apply.routes.following import Followed, Following, FollowingSeams
from globaldns.apply.routes.objects import written_resources
from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import Absent, Begun, Failed, Found, Listed, Put, Removed, Timing
from tests.apply.routes.documents import endpoint, entry

WEB = "web.shop.global"
ROUTES = written_resources(routes=True, replicas=False)
ENTRY, RULE, GATEWAY = ROUTES


class Listener:
    def __init__(self) -> None:
        self.told: list[str] = []
        seams = FollowingSeams(changed=self.told.append, listed=lambda: self.told.append("all"))
        self.following = Following(
            Client(Access(text="{}")), Followed("east", ROUTES, Timing()), seams
        )

    def list(self, *entries: dict[str, Any]) -> None:
        for resource in ROUTES:
            self.following.take(resource, Begun())
            for one in entries if resource is ENTRY else ():
                self.following.take(resource, Found(raw(one)))
            self.following.take(resource, Listed())


def raw(document: dict[str, Any], version: int = 1) -> Raw:
    metadata = {**document["metadata"], "resourceVersion": str(version)}
    return Raw(json.encode({**document, "metadata": metadata}))


def test_once_all_kinds_are_listed_that_is_told_and_then_each_change() -> None:
    listener = Listener()
    listener.following.take(ENTRY, Begun())
    listener.following.take(ENTRY, Found(raw(entry())))
    listener.following.take(ENTRY, Listed())
    assert not listener.following.is_listed
    assert listener.told == []
    listener.list(entry())
    assert listener.following.is_listed
    assert listener.told == ["all"]
    listener.following.take(ENTRY, Put(raw(entry(endpoint("1.1.1.1")), 2)))
    listener.following.take(ENTRY, Put(raw(entry(endpoint("1.1.1.1")), 2)))
    listener.following.take(ENTRY, Removed(raw(entry(endpoint("1.1.1.1")), 3)))
    assert listener.told == ["all", WEB, WEB]


def test_what_a_later_list_does_not_show_is_told() -> None:
    listener = Listener()
    listener.list(entry())
    listener.list()
    assert listener.told == ["all", WEB]


def test_what_is_not_ours_is_passed_over() -> None:
    listener = Listener()
    listener.list()
    foreign = {**entry(), "metadata": {"name": "x", "namespace": "shop"}}
    listener.following.take(ENTRY, Put(raw(foreign)))
    assert listener.told == ["all"]


def test_a_kind_that_is_not_served_or_not_readable_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = Listener()
    with caplog.at_level(logging.INFO):
        for resource in (RULE, ENTRY, RULE, GATEWAY):
            listener.following.take(resource, Absent())
    assert [one.levelname for one in caplog.records] == ["INFO"]
    listener.list(entry())
    assert listener.following.is_listed
    listener.following.take(ENTRY, Absent())
    assert not listener.following.is_listed
    assert listener.following.objects.about(WEB) == ()
    assert listener.following.reason == caplog.records[0].getMessage()
    caplog.clear()
    other = Listener()
    for resource in (GATEWAY, RULE, GATEWAY, RULE):
        other.following.take(resource, Failed(ApiError("no answer", hint="ask again")))
    assert len(caplog.records) == 2
    assert [(one.host, one.hint) for one in other.following.troubles] == [
        ("gateways.networking.istio.io", "ask again"),
        ("destinationrules.networking.istio.io", "ask again"),
    ]
    assert other.following.reason == other.following.troubles[0].detail


def test_why_what_stands_is_not_known_is_told_until_it_is() -> None:
    listener = Listener()
    assert listener.following.reason == "what stands is being read"
    listener.following.take(RULE, Failed(ApiError("no answer")))
    assert "no answer" in listener.following.reason
    listener.following.take(RULE, Listed())
    listener.following.take(RULE, Failed(ApiError("no answer")))  # what was read goes on to count
    assert listener.following.troubles == ()
    listener.following.take(ENTRY, Failed(ApiError("no answer")))
    listener.following.take(ENTRY, Absent())
    assert listener.following.troubles == ()
    listener.list()
    assert (listener.following.troubles, listener.following.reason) == ((), "")
