"""What differs between the routes of a cluster and what stands there."""

from __future__ import annotations

import asyncio

import pytest
import yaml

from globaldns.app.applying import (
    Comparison,
    Done,
    ask_for_taken,
    compare,
    describe,
    find_access,
    find_directory,
    find_steps,
    shown,
    take_steps,
)
from globaldns.app.offline import read_offline
from globaldns.app.routes import make_routes
from globaldns.apply.routes.patience import Create, Delete, Replace
from globaldns.apply.routes.standing import key_of
from globaldns.apply.routes.taken import Holder, tell_taken
from globaldns.documents import format_documents
from globaldns.errors import ApiRefused, RequestRefused
from globaldns.istio.endpoints import REMOTE_NETWORK
from globaldns.istio.labels import CLUSTER
from globaldns.istio.notices import to_finding
from globaldns.kube.kubeconfig import Access
from tests.app.meshes import START, Place
from tests.app.test_routes import PENDING, service
from tests.apply.routes.documents import endpoint, entry, replica, rule, standing
from tests.kube.apiserver.resources import Resource
from tests.kube.fake import FakeApiServer
from tests.sources.manifests import entry as manifest

A, B = endpoint("10.0.0.1"), endpoint("2.2.2.2")


def test_what_is_lacking_different_or_not_wanted_is_a_step_each_by_object() -> None:
    same, old = standing(rule()), standing(entry(A))
    idle = standing(entry(A, name="idle"))
    wanted = [entry(B), rule(), entry(A, name="new")]
    steps = compare(wanted, [same, old, idle], may_delete=True)
    assert steps == [Delete(idle), Create(wanted[2]), Replace(old, entry(B))]
    assert [describe(step) for step in steps] == [
        "delete ServiceEntry shop/idle",
        "create ServiceEntry shop/new",
        "replace ServiceEntry shop/web-global",
    ]
    assert compare(wanted, [same, old, idle], may_delete=False) == steps[1:]


def test_a_weight_that_has_hardly_moved_is_a_difference_for_a_person() -> None:
    before, after = endpoint("2.2.2.2", weight=100), endpoint("2.2.2.2", weight=101)
    assert compare([entry(A, after)], [standing(entry(A, before))], may_delete=True) != []


NORTH, WEST = (
    endpoint(f"2.2.2.{n}", {CLUSTER: cluster}, network=REMOTE_NETWORK)
    for n, cluster in enumerate(("north", "west"))
)


def test_gateways_that_stand_stay_where_those_of_their_cluster_are_not_known() -> None:
    old = [standing(entry(A, NORTH, WEST)), standing(rule())]
    idle = standing(entry(NORTH, name="idle"))
    held = {"web.shop.global": frozenset({"north"})}
    wanted = [entry(B), rule("none")]
    steps = compare(wanted, [*old, idle], may_delete=True, held=held)
    assert steps == [Replace(old[1], rule("none")), Delete(idle), Replace(old[0], entry(B, NORTH))]
    assert compare(wanted, [idle], may_delete=True, held=held) == [
        Create(rule("none")),
        Delete(idle),
        Create(entry(B, NORTH)),
    ]
    theirs = standing(entry(NORTH, name="theirs", hosts=["their.shop.global"]))
    assert compare([entry(B)], [theirs], may_delete=False, held=held) == [Create(entry(B))]
    for other in ({"other.shop.global": frozenset({"north"})}, {}):
        steps = compare(wanted, old, may_delete=True, held=other)
        assert Replace(old[0], entry(B)) in steps
    assert compare(wanted, [], may_delete=True, held=held) == [
        Create(rule("none")),
        Create(entry(B)),
    ]


def test_what_the_server_wrote_is_not_shown() -> None:
    one = standing(entry(A), 7, uid="x", managedFields=[{}])
    assert shown(one.document) == entry(A)


def test_a_cluster_without_an_api_server_has_nothing_to_compare_with(place: Place) -> None:
    with pytest.raises(RequestRefused, match="no API server of east") as refused:
        find_access(place.config, "east", hint="what else to do")
    assert refused.value.hint == "what else to do"


def test_of_a_service_what_the_server_chose_is_neither_compared_nor_shown() -> None:
    port = {"port": 80, "protocol": "TCP"}
    stands = replica({**port, "targetPort": 80})
    stands["spec"]["clusterIP"] = "10.0.0.1"
    assert compare([replica(port)], [standing(stands)], may_delete=True) == []
    assert shown(stands)["spec"] == {"ports": [port]}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert shown(namespace) == namespace


def test_a_service_that_a_person_took_over_is_given_up() -> None:
    stands = replica({"port": 80})
    stands["spec"]["selector"] = {"app": "web"}
    (step,) = compare([replica({"port": 80})], [standing(stands)], may_delete=True)
    assert isinstance(step, Replace)
    assert step.document["metadata"]["labels"] == {}


ENTRIES = Resource("networking.istio.io", ("v1",), "serviceentries", "ServiceEntry")


async def test_a_name_that_an_object_of_others_has_is_told_in_the_words_of_the_server(
    place: Place,
) -> None:
    theirs, ours = entry(A), entry(A, name="ours")
    theirs["metadata"] = {**theirs["metadata"], "labels": {}}
    async with FakeApiServer(ENTRIES) as server:
        server.add_namespace("shop")
        for one in (theirs, ours):
            server.put(one)
        path = place.folder / "kubeconfig"
        path.write_text(yaml.safe_dump(server.kubeconfig()))
        source = {"kubernetes": {"kubeconfig": str(path)}}
        config = place.configure(clusters={"east": {"source": source}})
        wanted = [entry(A), ours, entry(A, name="free")]
        (told,) = await asyncio.to_thread(ask_for_taken, config, "east", wanted)
        holder = Holder(key_of(theirs), "")
        assert told == to_finding(tell_taken(holder, entry(A)), "east")
        server.unserve(ENTRIES.id)
        assert await asyncio.to_thread(ask_for_taken, config, "east", wanted) == []
    assert await asyncio.to_thread(ask_for_taken, config, "east", wanted) == []


async def test_a_refusal_is_told_with_its_remedy(place: Place) -> None:
    async with FakeApiServer(ENTRIES) as server:
        server.add_namespace("shop")
        way = Access(text=yaml.safe_dump(server.kubeconfig()))
        server.deny("create")
        done: list[Done] = []
        steps = [Create(entry(A))]
        assert await asyncio.to_thread(take_steps, way, "east", steps, done.append, dry_run=False)
        assert "globaldns-router" in done[0].remedy
        server.deny("list")
        routes = make_routes(read_offline(place.config, START), "east", {})
        with pytest.raises(ApiRefused) as refused:
            await asyncio.to_thread(find_steps, place.config, way, "east", routes)
        assert "globaldns-router" in refused.value.hint


BY_HAND = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: by-hand, namespace: ns}
spec:
  hosts: [a.ns.global]
  addresses: [240.0.0.1]
  location: MESH_INTERNAL
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 203.0.113.9, ports: {http: 15443}}]
"""


def steps_of(place: Place) -> Comparison:
    routes = make_routes(read_offline(place.config, START), "east", {})
    root = find_directory(place.config, "east")
    assert root is not None
    return find_steps(place.config, root, "east", routes)


def test_in_a_directory_stands_what_its_manifests_have_of_ours(place: Place) -> None:
    place.write("west", manifest("a"))
    place.write("east", "")
    found = steps_of(place)
    created = [one.document for one in found.steps if isinstance(one, Create)]
    assert len(created) == len(found.steps) == 2
    place.write("east", format_documents(created[:1]), "ours.yaml")
    assert steps_of(place).steps == [Create(created[1])]
    place.write("east", format_documents(created), "ours.yaml")
    assert steps_of(place).steps == []
    (kept,) = (one for one in created if one["kind"] == "ServiceEntry")
    (rule_of_ours,) = (one for one in created if one["kind"] == "DestinationRule")
    unmarked = {**rule_of_ours, "metadata": {**rule_of_ours["metadata"], "labels": {}}}
    place.write("east", format_documents([kept, unmarked]), "ours.yaml")
    assert [one.code for one in steps_of(place).findings] == ["taken-name"]


def test_what_a_person_wrote_is_shown_with_what_would_be_in_its_place(place: Place) -> None:
    place.write("west", manifest("a"))
    place.write("east", BY_HAND)
    found = steps_of(place)
    assert found.steps == []
    (one,) = found.in_the_way
    assert one.document == yaml.safe_load(BY_HAND)
    assert [document["kind"] for document in one.documents] == ["ServiceEntry", "DestinationRule"]
    assert one.lacks == ()
    place.write("west", "")
    (alone,) = steps_of(place).in_the_way
    assert (alone.documents, len(alone.lacks)) == ((), 1)
    assert alone.lacks[0].startswith("a.ns.global: nobody exports it")


def test_what_would_lead_nowhere_in_place_of_a_persons_entry_is_told(place: Place) -> None:
    networks = {"east": "network1", "west": "network2"}
    place.configure(
        clusters={name: place.cluster(name, network=one) for name, one in networks.items()}
    )
    place.write("west", f"{service('a', '10.0.0.1')}---\n{PENDING}")
    place.write("east", BY_HAND)
    (one,) = steps_of(place).in_the_way
    assert "endpoints" not in one.documents[0]["spec"]
    assert "no address is known of that network's gateways" in one.lacks[0]
