from __future__ import annotations

from typing import Any

import pytest
from msgspec import json

from globaldns.apply.routes.standing import StandingObjects, key_of, read_standing
from globaldns.exports.marks import OWNED_BY
from globaldns.objects.metadata import ObjectKey
from tests.apply.routes.documents import endpoint, entry, replica, rule, standing

WEB = "web.shop.global"


def test_an_object_of_ours_is_known_by_what_it_is_about() -> None:
    for document in (entry(), rule()):
        one = standing(document)
        assert (one.key, one.name) == (key_of(document), WEB)
        assert not one.is_leaving
    assert standing(entry(), deletionTimestamp="2026-01-01T00:00:00Z").is_leaving
    former = {**entry(), "spec": {"hosts": ["web.shop.240-128-0-1.former.global"]}}
    assert standing(former).name == WEB
    assert standing(replica()).name == "web.shop.svc.cluster.local"
    gateway = {"kind": "Gateway", "metadata": entry()["metadata"], "spec": {"servers": []}}
    assert standing(gateway).name == ""
    assert str(key_of(entry())) == "ServiceEntry shop/web-global"


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{",
        b'{"metadata": {"name": "x"}}',
        json.encode({**entry(), "metadata": {"name": "x", "namespace": "y"}}),
        json.encode(
            {**entry(), "metadata": {"name": "x", "namespace": "y", "labels": {OWNED_BY: "west"}}}
        ),
    ],
)
def test_what_is_not_ours_or_no_object_is_passed_over(data: bytes) -> None:
    assert read_standing("ServiceEntry", data, "east") is None


def test_an_item_of_a_list_of_services_is_a_whole_object() -> None:
    item = {key: one for key, one in replica().items() if key not in {"apiVersion", "kind"}}
    one = read_standing("Service", json.encode(item), "east")
    assert one is not None
    assert one.document == replica()


@pytest.mark.parametrize("spec", [None, [], {"hosts": []}, {"hosts": [1]}, {"host": 1}])
def test_a_spec_that_people_broke_is_about_nothing(spec: Any) -> None:
    assert standing({**entry(), "spec": spec}).name == ""


def test_a_list_says_what_is_gone_and_of_its_kind_alone() -> None:
    objects = StandingObjects()
    assert objects.put(standing(entry()))
    assert objects.put(standing(rule()))
    assert not objects.put(standing(rule()))
    objects.begin("ServiceEntry")
    assert objects.put(standing(entry(name="other"), 9))
    assert [one.key.name for one in objects.complete("ServiceEntry")] == ["web-global"]
    assert [one.key for one in objects.about(WEB)] == [
        ObjectKey("DestinationRule", "shop", "web-global"),
        ObjectKey("ServiceEntry", "shop", "other"),
    ]
    objects.clear("ServiceEntry")
    assert len(objects) == 1


def test_older_news_is_none_but_in_a_list() -> None:
    objects = StandingObjects()
    new, old = standing(entry(endpoint("1.1.1.1")), 5), standing(entry(), 4)
    objects.put(new)
    assert not objects.put(old)
    assert not objects.remove(old)
    assert objects.about(WEB) == (new,)
    objects.begin("ServiceEntry")
    assert objects.put(old)
    assert objects.complete("ServiceEntry") == []
    assert objects.about(WEB) == (old,)
    assert objects.remove(standing(entry(), 6))
    assert objects.about(WEB) == ()
