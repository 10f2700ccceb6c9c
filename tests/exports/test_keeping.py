"""How objects are kept."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from globaldns.exports.keeping import Store
from globaldns.objects import Object, key
from globaldns.objects.istio import ServiceEntry
from globaldns.objects.kubernetes import Service
from tests.exports.builders import entry, namespace, node, service


def stored(*objects: Object) -> Store:
    store = Store({"wanted"})
    for resource in objects:
        store.swap(key(resource), store.pack(resource, "a.yaml"))
    return store


def test_what_is_kept_comes_back_equal():
    made = entry(spec={"endpoints": [{"address": "10.0.0.1", "ports": {"http": 1}}]}, created=3)
    assert stored(made).find(key(made)) == made


def test_annotations_that_nobody_asks_for_are_dropped():
    made = service(annotations={"wanted": "1", "kubectl.kubernetes.io/last-applied": "…" * 999})
    found = stored(made).find(key(made))
    assert found is not None
    assert found.metadata.annotations == {"wanted": "1"}


def test_swapping_returns_what_was_kept_before():
    store = stored(service())
    kept = store.pack(service(created=1), "b.yaml")
    former = store.swap(key(service()), kept)
    assert former is not None
    assert store.unpack(key(service()), former) == service()
    assert store.file(key(service())) == "b.yaml"


def test_objects_are_found_by_kind_and_namespace():
    store = stored(service("a"), service("b"), service("c", namespace="shop"), entry("a"))
    assert store.names(Service, "bookinfo") == ("a", "b")
    assert set(store.keys(Service)) == {
        key(service("a")),
        key(service("b")),
        key(service("c", namespace="shop")),
    }
    store.remove(key(service("a")))
    assert store.names(Service, "bookinfo") == ("b",)
    assert store.get(Service, "bookinfo", "a") is None


def test_mentioning_finds_at_least_all_that_mention():
    near, far = ({"endpoints": [{"address": address}]} for address in ("10.0.0.1", "203.0.113.7"))
    store = stored(entry("a", spec=near), entry("b", spec=far), service("203"))
    assert list(store.mentioning(ServiceEntry, {"203.0.113.7"})) == [key(entry("b"))]
    assert list(store.mentioning(ServiceEntry, set())) == []


def test_a_namespace_is_there_if_it_or_anything_in_it_is() -> None:
    assert stored().namespaces() == frozenset()
    found = stored(entry(), service("a", namespace="shop"), namespace("bank"), node("n1"))
    assert found.namespaces() == {"bookinfo", "shop", "bank"}


def test_a_namespace_that_is_being_deleted_is_none_whatever_is_in_it() -> None:
    bank, shop = namespace("bank"), namespace("shop")
    leaving = replace(bank, metadata=replace(bank.metadata, deletion_timestamp=datetime.now(UTC)))
    found = stored(leaving, shop, service("a", namespace="bank"))
    assert (found.namespaces(), found.leaving_namespaces()) == ({"shop"}, {"bank"})


def test_services_are_known_by_their_hosts() -> None:
    assert stored().services() == frozenset()
    found = stored(service("a"), service("b", namespace="shop"), namespace("bank"), entry("c"))
    assert found.services() == {"a.bookinfo", "b.shop"}


def test_namespaces_are_known_by_what_they_are_labelled_with() -> None:
    labels = ({"mode": "ambient"}, {"mode": "none"}, {"mode-of": "ambient"}, {})
    found = stored(*(namespace(f"ns{number}", labels=one) for number, one in enumerate(labels)))
    assert found.labelled_namespaces("mode", "ambient") == {"ns0"}
    assert stored().labelled_namespaces("mode", "ambient") == frozenset()
