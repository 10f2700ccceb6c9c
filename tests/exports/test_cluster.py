"""One cluster's view: what changes, what stays, and the laws of both."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import structs

from globaldns.config.schema import Allow
from globaldns.exports import ClusterExports
from globaldns.model.address import parse_address, parse_prefix
from globaldns.model.export import Export
from globaldns.model.view import Put, Remove, SetNetwork, SetRanges, View
from globaldns.objects import Object, ObjectKey, key
from tests.exports.builders import (
    EXPORTED,
    HTTP,
    balanced,
    behind,
    build,
    cluster,
    endpoint_slice,
    entry,
    exported,
    gateway,
    namespace,
    node,
    only,
    pod,
    rules,
    service,
    service_export,
    workload_entry,
)
from tests.exports.declarations import policy

NAMES = ("a", "b", "c")
ALLOW = Allow(hosts=("*.bookinfo.global",))


def spec_of_entry(draw: st.DrawFn) -> dict[str, object]:
    hosts = [
        "a.bookinfo.global",
        "b.bookinfo.global",
        "a.bookinfo.mesh",
        "c.shop.global",
        "*.bookinfo.global",
    ]
    spec: dict[str, object] = {
        "hosts": draw(st.lists(st.sampled_from(hosts), min_size=1, max_size=2)),
        "ports": [HTTP],
    }
    if draw(st.booleans()):
        spec["workloadSelector"] = {"labels": {"app": draw(st.sampled_from(NAMES))}}
    else:
        spec["endpoints"] = [
            {"address": f"203.0.113.{number}"}
            for number in draw(st.lists(st.integers(1, 3), max_size=2))
        ]
    return spec


@st.composite
def objects(draw: st.DrawFn) -> Object:
    """Return an object that is never refused, of few names, so that they touch each other."""
    name = draw(st.sampled_from(NAMES))
    created = {"created": draw(st.integers(0, 3))} if draw(st.booleans()) else {}
    labels = {"labels": {"app": draw(st.sampled_from(NAMES))}} if draw(st.booleans()) else {}
    seen = behind(draw(st.sampled_from(NAMES)), f"10.0.0.{draw(st.integers(1, 3))}", nodeName=name)
    mark = EXPORTED if draw(st.booleans()) else {}
    network = {"topology.istio.io/network": draw(st.sampled_from(NAMES))}
    makers = [
        lambda: entry(name, spec=spec_of_entry(draw), **created),
        lambda: service(name, **mark, **created),
        lambda: service_export(name),
        lambda: endpoint_slice(name, [seen], of=draw(st.sampled_from(NAMES))),
        lambda: build("Endpoints", "v1", name, subsets=[{"addresses": [{"ip": "10.1.0.1"}]}]),
        lambda: pod(name, status={"podIP": "10.0.0.9"}, **labels),
        lambda: node(name, region=draw(st.sampled_from(NAMES))),
        lambda: workload_entry(name, {"address": "10.2.0.1", **labels}),
        lambda: namespace("bookinfo", labels={"globaldns.io/export": "true"} if mark else {}),
        lambda: namespace("istio-system", labels=network if mark else {}),
        lambda: gateway(status=balanced("203.0.113.1"), labels=network),
        lambda: entry(name, labels={"globaldns.io/owned-by": "west"}),
    ]
    return draw(st.sampled_from(makers))()


def fresh() -> ClusterExports:
    return ClusterExports(rules(zones=("global", "mesh"), allow=ALLOW))


def view_of(kept: dict[ObjectKey, Object]) -> tuple[object, object]:
    exports = fresh()
    for resource in kept.values():
        exports.put(resource)
    return sorted_view(exports), exports.findings()


def sorted_view(exports: ClusterExports) -> View:
    view = exports.view()
    return structs.replace(view, exports=tuple(sorted(view.exports, key=lambda one: one.host)))


class Incrementally(RuleBasedStateMachine):
    """Whatever came and went, the view is that of the objects that are left."""

    def __init__(self) -> None:
        super().__init__()
        self.exports = fresh()
        self.kept: dict[ObjectKey, Object] = {}
        self.told: dict[str, Export] = {}

    @rule(resource=objects())
    def put(self, resource: Object) -> None:
        self.exports.put(resource)
        self.kept[key(resource)] = resource

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.kept:
            gone = data.draw(st.sampled_from(sorted(self.kept)))
            self.exports.remove(gone)
            del self.kept[gone]

    @rule()
    def hear_changes(self) -> None:
        for change in self.exports.changes():
            match change:
                case Put(export):
                    assert self.told.get(export.host) != export
                    self.told[export.host] = export
                case Remove(_, host):
                    del self.told[host]
        assert self.told == {one.host: one for one in self.exports.view().exports}
        assert self.exports.changes() == []

    @invariant()
    def view_is_that_of_a_fresh_reading(self) -> None:
        assert (sorted_view(self.exports), self.exports.findings()) == view_of(self.kept)


TestIncrementally = Incrementally.TestCase
TestIncrementally.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)


@given(st.lists(objects(), max_size=12, unique_by=key), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_objects_does_not_matter(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert view_of({key(one): one for one in found}) == view_of({key(one): one for one in shuffled})


@given(st.lists(objects(), max_size=8, unique_by=key), objects())
@settings(max_examples=60, deadline=None)
def test_an_object_that_comes_and_goes_leaves_nothing_behind(found, passing):
    kept = {key(one): one for one in found if key(one) != key(passing)}
    exports = fresh()
    for resource in (*kept.values(), passing):
        exports.put(resource)
    exports.changes()
    exports.remove(key(passing))
    assert (sorted_view(exports), exports.findings()) == view_of(kept)


def test_an_object_that_did_not_change_changes_nothing():
    exports = cluster([entry()])
    assert [type(change) for change in exports.changes()] == [Put]
    exports.put(entry(), "reviews.yaml")
    assert exports.changes() == []


def test_a_change_that_is_taken_back_before_anybody_asks_is_none():
    exports = cluster([entry()])
    exports.changes()
    exports.put(entry(spec={"ports": []}), "reviews.yaml")
    exports.put(entry(), "reviews.yaml")
    assert exports.changes() == []


def test_an_object_that_came_and_went_unseen_is_no_change():
    exports = cluster([entry()])
    exports.remove(key(entry()))
    assert exports.changes() == []


def test_a_host_that_an_entry_no_longer_names_is_removed():
    exports = cluster([entry(spec={"hosts": ["a.bookinfo.global", "b.bookinfo.global"]})])
    exports.changes()
    exports.put(entry(spec={"hosts": ["b.bookinfo.global", "c.bookinfo.global"]}), "reviews.yaml")
    found = {
        (type(one), one.host if isinstance(one, Remove) else one.export.host)
        for one in exports.changes()
    }
    assert found == {(Remove, "a.bookinfo"), (Put, "c.bookinfo")}


class TestRefused:
    BAD = entry(spec={"hosts": ["*"]})

    def test_a_refused_object_keeps_its_last_good_version(self):
        exports = cluster([entry()])
        exports.changes()
        exports.put(self.BAD, "new.yaml")
        assert exports.changes() == []
        finding = only(exports.findings())
        assert str(finding).startswith("new.yaml: error: ServiceEntry bookinfo/reviews:")
        assert set(exported(entry())) == {"reviews.bookinfo"}

    def test_its_finding_stays_until_it_is_mended(self):
        exports = cluster([self.BAD])
        exports.put(entry())
        assert exports.findings() == []

    def test_its_finding_goes_with_it_and_so_does_the_last_good_version(self):
        exports = cluster([entry(), self.BAD])
        exports.remove(key(self.BAD))
        assert exports.findings() == []
        assert exports.view().exports == ()

    def test_remarks_on_the_last_good_version_give_way_to_the_refusal(self):
        warned = entry(spec={"hosts": ["pay.bank.global"]})
        exports = cluster([warned])
        assert only(exports.findings()).code == "foreign-namespace"
        exports.put(self.BAD)
        assert only(exports.findings()).code == "host-name"

    def test_a_refused_workload_keeps_the_endpoints(self):
        selecting = entry(spec={"workloadSelector": {"labels": {}}})
        exports = cluster([selecting, workload_entry("vm", {"address": "10.0.0.1"})])
        exports.changes()
        exports.put(workload_entry("vm", {"weight": 1}))
        assert exports.changes() == []
        assert "endpoint-address" in [one.code for one in exports.findings()]


def test_an_object_that_becomes_ours_is_no_export_any_more():
    exports = cluster([entry()])
    exports.changes()
    exports.put(entry(labels={"globaldns.io/owned-by": "east"}))
    assert exports.changes() == [Remove("east", "reviews.bookinfo")]


def test_a_global_service_counts_whoever_wrote_it_because_its_spec_is_written_by_people_alone():
    owned = policy(pins=["240.0.0.1"], labels={"globaldns.io/owned-by": "east"})
    (said,) = cluster([owned]).view().policies
    assert said.pins == (parse_address("240.0.0.1"),)


def test_an_object_that_moves_to_another_file_says_so():
    exports = cluster([entry()])
    exports.changes()
    exports.put(entry(), "moved.yaml")
    (put,) = exports.changes()
    assert put.export.origin.file == "moved.yaml"


def test_removing_what_is_unknown_is_nothing():
    exports = cluster([])
    exports.remove(ObjectKey("ServiceEntry", "bookinfo", "reviews"))
    assert exports.changes() == []


def test_a_system_namespace_that_says_another_network_changes_all_endpoints():
    exports = cluster([entry(spec={"endpoints": [{"address": "10.0.0.1"}]}), service(**EXPORTED)])
    exports.changes()
    exports.put(namespace("istio-system", labels={"topology.istio.io/network": "n1"}))
    put, network = exports.changes()
    assert put.export.endpoints[0].network == "n1"
    assert network == SetNetwork("east", "n1")


MESH = (("mesh", "on"),)


def test_only_namespaces_that_the_configuration_selects_export_anything() -> None:
    objects = [entry(), service("a", **EXPORTED), namespace("bookinfo", labels={"mesh": "on"})]
    assert set(exported(*objects, namespace_selector=MESH)) == {"reviews.bookinfo", "a.bookinfo"}
    assert exported(*objects[:2], namespace_selector=MESH) == {}
    exports = cluster(objects, namespace_selector=MESH)
    exports.begin()
    exports.put(namespace("bookinfo", labels={"mesh": "off"}))
    assert {type(change) for change in exports.changes()} == {Remove}
    assert exports.findings() == []
    exports.put(namespace("bookinfo", labels={"mesh": "on", "more": "yes"}))
    assert {change.export.host for change in exports.changes()} == {
        "reviews.bookinfo",
        "a.bookinfo",
    }


def test_ranges_in_use_are_told_when_they_change() -> None:
    exports = cluster([build("Node", "v1", "n", spec={"podCIDR": "242.7.0.0/24"})])
    pods = (parse_prefix("242.7.0.0/24"),)
    assert (exports.view().ranges, exports.view().pod_ranges) == (pods, pods)
    exports.begin()
    exports.put(service("a", spec={"clusterIP": "241.5.0.1"}))
    (change,) = exports.changes()
    assert change == SetRanges("east", (parse_prefix("241.5.0.0/24"), *pods), pods)
    exports.put(service("b", spec={"clusterIP": "241.5.0.2"}))
    assert exports.changes() == []
    for name in ("a", "b"):
        exports.remove(ObjectKey("Service", "bookinfo", name))
    assert exports.changes() == [SetRanges("east", pods, pods)]
    exports.put(build("Node", "v1", "n", status={"addresses": [{"address": "242.7.0.0/24"}]}))
    assert exports.changes() == [SetRanges("east", pods)]


def test_namespaces_are_those_of_all_objects_exported_or_not() -> None:
    assert cluster([entry(), namespace("bank")]).namespaces() == {"bookinfo", "bank"}
