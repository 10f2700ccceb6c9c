"""What the routes of a running server are to say, and which are looked at."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from globaldns.app.fencing import decide_word
from globaldns.app.routewriting import RouteBook, RouteWiring
from globaldns.apply.routes.comparison import Urgency
from globaldns.apply.routes.patience import Fate, Memory, Replace, Rules, Wanted, decide
from globaldns.config.kinds import ClusterId, NetworkId
from globaldns.config.routing import RoutingSettings, Sni
from globaldns.config.schema import ClusterSettings, Config, SourceSettings
from globaldns.istio.notices import Code
from globaldns.model.export import Endpoint, ExportKind, Gateway, GatewayService
from globaldns.model.host import Host
from globaldns.model.reach import GatewayState, Reach
from globaldns.model.service import ServiceState
from globaldns.model.view import SetGateways
from globaldns.registry.delta import Delta
from globaldns.registry.registry import Registry
from globaldns.routing.horizon import MUTUAL_TLS
from tests.apply.routes.documents import standing
from tests.registry.mesh import both, claim, export, reset, settings, settled

A, B, C = Host("a.ns"), Host("b.other"), Host("c.ns")
WEST = Gateway("n2", "192.0.2.1", 15443, "west")
NAMED = replace(WEST, address="gw.example")
OURS = Gateway("n1", "gw.example", 15443, "east")
SERVICE = ExportKind.SERVICE


class Server:
    """What of a server routes are made from, as the test changes it."""

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = registry or both(
            export("a.ns", kind=SERVICE), export("b.other", "west", kind=SERVICE)
        )
        clusters = {
            ClusterId(name): ClusterSettings(source=SourceSettings(directory=Path(name)))
            for name in ("east", "west")
        }
        self.config = Config(cluster=ClusterId("east"), clusters=clusters)
        self.namespaces = frozenset({"ns"})
        self.leaving: frozenset[str] = frozenset()
        self.snapshot = SimpleNamespace(complete=True)
        self.reach: dict[Gateway, Reach] = {}
        self.services = frozenset({A})
        source = SimpleNamespace(
            namespaces=lambda: self.namespaces,
            services=lambda: self.services,
            ambient_namespaces=frozenset,
            leaving_namespaces=lambda: self.leaving,
        )
        mesh = SimpleNamespace(
            registry=self.registry,
            publication=SimpleNamespace(snapshot=self.snapshot),
        )
        self.wiring = RouteWiring(
            mesh=mesh,  # type: ignore[arg-type]
            ledger=SimpleNamespace(rest_reason="", until_writable=None),  # type: ignore[arg-type]
            config=lambda: self.config,
            sources=SimpleNamespace(sources={"east": source}),  # type: ignore[arg-type]
            reach=lambda: self.reach,
            count=lambda _result: None,
        )
        self.book = RouteBook(self.wiring)

    def route(self, **keys: Any) -> None:
        self.config = replace(self.config, routing=RoutingSettings(**keys))


@pytest.fixture
def server() -> Server:
    return Server()


def kinds(wanted: Wanted) -> list[tuple[str, str]]:
    return [(one["kind"], one["metadata"]["namespace"]) for one in wanted.documents]


def test_a_service_has_its_documents_where_its_namespace_is_or_in_ours(server: Server) -> None:
    wanted = server.book.wanted(A)
    assert wanted.fate is Fate.WRITE
    assert kinds(wanted) == [("ServiceEntry", "ns"), ("DestinationRule", "ns")]
    assert {namespace for _, namespace in kinds(server.book.wanted(B))} == {"globaldns"}


def test_what_is_no_service_is_withdrawn_once_all_names_are_known(server: Server) -> None:
    assert server.book.wanted(Host("gone.ns")) == Wanted(Fate.WITHDRAW)
    server.snapshot.complete = False
    assert server.book.wanted(Host("gone.ns")) == Wanted(Fate.STAND)


def test_what_is_not_answered_now_stands_as_it_is(server: Server) -> None:
    server.registry.apply([reset("east", export("c.ns", kind=SERVICE))], 30)
    assert server.registry.services[C].state is ServiceState.UNNUMBERED
    assert server.book.wanted(C) == Wanted(Fate.STAND)
    assert [notice.code for notice in server.book.notices[C]] == ["unanswered"]


def test_the_route_of_a_host_that_only_claims_know_stands_as_it_is() -> None:
    known = [claim("b.other", "240.128.0.9", 5, "west")]
    server = Server(settled(Registry(settings(), known), reset("east", export("a.ns"))))
    assert server.registry.services[B].state is ServiceState.CLAIMED
    assert server.book.wanted(B) == Wanted(Fate.STAND)


def test_beside_a_persons_entry_there_is_none_of_ours() -> None:
    server = Server()
    server.registry.views.cluster("east").exports[A] = export("a.ns")
    assert server.book.wanted(A) == Wanted(Fate.END)
    assert server.book.wanted(B).fate is Fate.WRITE


def test_one_gateway_is_wanted_where_calls_come_in_by_name(server: Server) -> None:
    assert server.book.wanted(Host("")) == Wanted(Fate.WITHDRAW)
    server.route(sni=Sni.GATEWAY)
    server.book.renew()
    assert kinds(server.book.wanted(Host(""))) == [("Gateway", "globaldns")]


def test_the_gateway_follows_the_machines_that_calls_name(server: Server) -> None:
    registry = server.registry
    registry.views.set_way_in(SetGateways("east", (Gateway("n1", "192.0.2.9", 15443, "east"),)))
    server.book.renew()
    machine = Endpoint("10.0.0.9", network="n1", labels=(MUTUAL_TLS,))
    entry = replace(export("c.ns"), endpoints=(machine,))
    same = reset("east", export("a.ns", kind=SERVICE))
    assert not server.book.take_in(Delta(complete=True, services=(registry.services[A],)))
    assert server.book.take_in(registry.apply([reset("east", *same.view.exports, entry)], 30))
    [gateway] = server.book.wanted(Host("")).documents
    assert gateway["spec"]["servers"][0]["hosts"] == ["c.ns.global"]
    assert server.book.take_in(registry.apply([same], 31))
    assert server.book.wanted(Host("")) == Wanted(Fate.WITHDRAW)


def test_who_has_a_gateway_with_a_name_has_for_it_what_far_clients_call_by_its_host() -> None:
    """Nobody looks up the gateways of a network of one's own."""
    machine = Endpoint("10.2.0.9", network="n2", labels=(MUTUAL_TLS,))
    server = Server(both(replace(export("c.ns", "west"), endpoints=(machine,))))
    server.registry.views.set_way_in(SetGateways("west", (NAMED,)))
    for cluster, reach in (("east", {NAMED: Reach(("203.0.113.1",))}), ("west", {})):
        server.config = replace(server.config, cluster=ClusterId(cluster))
        server.reach = reach
        server.book.renew()
        if cluster == "east":
            [rule] = (
                one for one in server.book.wanted(C).documents if one["kind"] == "DestinationRule"
            )
            assert "portLevelSettings" not in rule["spec"]["trafficPolicy"]
    [gateway] = server.book.wanted(Host("")).documents
    assert gateway["spec"]["servers"][0]["hosts"] == ["c.ns.global"]


@pytest.mark.parametrize(
    ("gateways", "services"),
    [((), (GatewayService("istio-system", "eastwest", "n1"),)), ((OURS,), ())],
)
def test_a_host_is_let_through_by_a_gateway_of_which_no_address_is_known(
    gateways: tuple[Gateway, ...], services: tuple[GatewayService, ...]
) -> None:
    machine = Endpoint("10.0.0.9", network="n1", labels=(MUTUAL_TLS,))
    server = Server(both(replace(export("c.ns"), endpoints=(machine,))))
    server.registry.views.set_way_in(SetGateways("east", gateways, services))
    server.reach = dict.fromkeys(gateways, Reach(unresolved="NXDOMAIN"))
    server.book.renew()
    wanted = server.book.wanted(Host(""))
    assert wanted.fate is Fate.WRITE
    assert wanted.documents[0]["spec"]["servers"][0]["hosts"] == ["c.ns.global"]


def test_a_namespace_that_comes_has_its_own_hosts_looked_at(server: Server) -> None:
    assert list(server.book.renew()) == []
    server.namespaces = frozenset({"ns", "other", "third"})
    assert list(server.book.renew()) == [B]
    assert {namespace for _, namespace in kinds(server.book.wanted(B))} == {"other"}


def test_what_stands_in_a_namespace_that_is_being_deleted_is_to_stand_in_ours(
    server: Server,
) -> None:
    server.namespaces, server.leaving = frozenset(), frozenset({"ns"})
    assert list(server.book.renew()) == [A]
    assert {namespace for _, namespace in kinds(server.book.wanted(A))} == {"globaldns"}


def test_a_replica_waits_until_its_namespace_is_gone(server: Server) -> None:
    server.route(replicate_services=True)
    server.namespaces |= {"other"}
    server.book.renew()
    assert ("Service", "other") in kinds(server.book.wanted(B))
    server.namespaces, server.leaving = frozenset({"ns"}), frozenset({"other"})
    assert list(server.book.renew()) == [B]
    assert {kind for kind, _ in kinds(server.book.wanted(B))} == {"ServiceEntry", "DestinationRule"}
    assert Code.LEAVING in {notice.code for notice in server.book.notices[B]}
    server.leaving = frozenset()
    assert list(server.book.renew()) == [B]
    assert ("Service", "other") in kinds(server.book.wanted(B))
    assert B not in server.book.notices


def test_what_all_routes_depend_on_has_all_of_them_looked_at(server: Server) -> None:
    every = {A, B, Host("")}
    server.registry.views.set_way_in(SetGateways("west", (WEST,)))
    assert {*server.book.renew()} == every
    server.reach = {WEST: Reach(("192.0.2.1", "192.0.2.2"), GatewayState.UP)}
    assert {*server.book.renew()} == every
    server.route(sni=Sni.GATEWAY)
    assert {*server.book.renew()} == every
    assert list(server.book.renew()) == []


def test_a_service_that_comes_or_goes_has_its_host_looked_at(server: Server) -> None:
    server.route(replicate_services=True)
    assert {*server.book.renew()} == {A, B, Host("")}
    assert list(server.book.renew()) == []
    assert kinds(server.book.wanted(B))[-1] == ("Service", "other")
    server.services |= {B}
    assert list(server.book.renew()) == [B]
    assert ("Service", "other") not in kinds(server.book.wanted(B))


def test_where_another_istiod_serves_clients_only_services_are_replicated(server: Server) -> None:
    served = {
        **server.config.clusters,
        ClusterId("east"): ClusterSettings(
            source=SourceSettings(directory=Path("east")), control_plane=ClusterId("west")
        ),
    }
    server.config = replace(server.config, clusters=served)
    server.route(replicate_services=True, sni=Sni.GATEWAY)
    server.book.renew()
    assert kinds(server.book.wanted(B)) == [("Service", "other")]
    assert kinds(server.book.wanted(A)) == []
    assert server.book.wanted(Host("")) == Wanted(Fate.WITHDRAW)


def test_a_cluster_that_our_istiod_comes_to_serve_has_its_hosts_let_through(
    server: Server,
) -> None:
    server.route(sni=Sni.GATEWAY)
    server.registry.apply([reset("east")], 30)
    assert Host("") in {*server.book.renew()}
    assert server.book.wanted(Host("")) == Wanted(Fate.WITHDRAW)
    west = replace(server.config.clusters[ClusterId("west")], control_plane=ClusterId("east"))
    clusters = {**server.config.clusters, ClusterId("west"): west}
    server.config = replace(server.config, clusters=clusters)
    assert Host("") in {*server.book.renew()}
    assert kinds(server.book.wanted(Host(""))) == [("Gateway", "globaldns")]


def addresses(wanted: Wanted) -> list[str]:
    """Return where the one entry of a host leads."""
    (entry,) = (one["spec"] for one in wanted.documents if one["kind"] == "ServiceEntry")
    return [one["address"] for one in entry.get("endpoints", ())]


def behind_a_name(*own: Endpoint) -> Server:
    """Return a server for which west's pod of ``b.other`` is behind a gateway that has a name.

    ``own``: pods that east has of it.
    """
    far = Endpoint("10.2.0.1", network="n2", labels=(MUTUAL_TLS,))
    exports = {
        cluster: replace(export("b.other", cluster, kind=SERVICE), endpoints=pods)
        for cluster, pods in (("east", own), ("west", (far,)))
    }
    server = Server(both(*exports.values()))
    named = {
        name: replace(one, network=NetworkId(network))
        for (name, one), network in zip(server.config.clusters.items(), ("n1", "n2"), strict=True)
    }
    server.config = replace(server.config, clusters=named)
    server.registry.views.set_way_in(SetGateways("west", (NAMED,)))
    server.book.renew()
    return server


def test_nothing_is_written_before_every_name_of_a_gateway_was_looked_up() -> None:
    server = behind_a_name()
    server.reach = {NAMED: Reach()}
    assert not server.book.is_settled
    server.reach = {NAMED: Reach(unresolved="NXDOMAIN")}
    assert server.book.is_settled


def test_a_name_that_comes_later_has_nobody_wait_but_whom_it_leads_to() -> None:
    server = behind_a_name()
    assert server.book.is_settled
    server.reach = {NAMED: Reach()}
    server.book.renew()
    assert server.book.is_settled
    assert server.book.wanted(B).unresolved == {"west"}


def test_what_is_behind_a_name_without_an_address_stands_as_it_is() -> None:
    server = behind_a_name()
    server.reach = {NAMED: Reach(unresolved="NXDOMAIN")}
    server.book.renew()
    wanted = server.book.wanted(B)
    assert (wanted.fate, addresses(wanted), wanted.unresolved) == (Fate.WRITE, [], {"west"})
    assert [one.code for one in server.book.notices[B]] == ["unknown-gateway"]
    server.reach = {NAMED: Reach(("203.0.113.1",))}
    server.book.renew()
    wanted = server.book.wanted(B)
    assert (wanted.fate, B in server.book.notices) == (Fate.WRITE, False)
    assert (addresses(wanted), wanted.unresolved) == (["203.0.113.1"], frozenset())


def test_what_is_near_is_written_although_what_is_far_has_no_address() -> None:
    server = behind_a_name(Endpoint("10.1.0.1", network="n1", labels=(MUTUAL_TLS,)))
    server.reach = {NAMED: Reach(unresolved="NXDOMAIN")}
    server.book.renew()
    wanted = server.book.wanted(B)
    assert (wanted.fate, addresses(wanted)) == (Fate.WRITE, ["10.1.0.1"])
    assert wanted.unresolved == {"west"}


def test_a_gateway_that_has_no_address_yet_has_nobody_wait_but_whom_it_leads_to() -> None:
    pending = GatewayService("istio-system", "eastwest", "n2")
    server = behind_a_name(Endpoint("10.1.0.1", network="n1", labels=(MUTUAL_TLS,)))
    server.registry.views.set_way_in(SetGateways("west", (), (pending,)))
    server.book.renew()
    assert server.book.is_settled
    wanted = server.book.wanted(B)
    assert (kinds(wanted)[0], wanted.unresolved) == (("ServiceEntry", "globaldns"), {"west"})
    server = behind_a_name()
    server.registry.views.set_way_in(SetGateways("west", (), (pending,)))
    server.book.renew()
    assert server.book.wanted(B).unresolved == {"west"}
    # A network that has none at all is another matter.
    server.registry.views.set_way_in(SetGateways("west", ()))
    server.book.renew()
    assert server.book.wanted(B).unresolved == frozenset()


def test_a_fence_is_obeyed_beside_a_gateway_that_has_no_address() -> None:
    pods = {"east": (), "west": ("10.2.0.1", "n2"), "north": ("10.3.0.1", "n3")}
    exports = [
        replace(
            export("b.other", cluster, kind=SERVICE),
            endpoints=(Endpoint(pod[0], network=pod[1], labels=(MUTUAL_TLS,)),),
        )
        for cluster, pod in pods.items()
        if pod
    ]
    registry = Registry(settings(clusters=tuple(pods)))
    server = Server(settled(registry, reset("east"), *(reset(one.cluster, one) for one in exports)))
    networks = {"east": "n1", "west": "n2", "north": "n3"}
    server.config = replace(
        server.config,
        clusters={
            ClusterId(name): ClusterSettings(
                source=SourceSettings(directory=Path(name)), network=NetworkId(network)
            )
            for name, network in networks.items()
        },
    )
    pending = GatewayService("istio-system", "eastwest", "n3")
    server.registry.views.set_way_in(SetGateways("west", (WEST,)))
    server.registry.views.set_way_in(SetGateways("north", (), (pending,)))
    server.reach = {WEST: Reach(("192.0.2.1",))}
    server.book.renew()
    before = server.book.wanted(B)
    assert (addresses(before), before.unresolved) == (["192.0.2.1"], {"north"})
    present = [standing(one) for one in before.documents]
    word = decide_word(registry, "west", fenced=True, now=30)
    registry.obey_words({"west": word}, 30)
    server.book.renew()
    wanted = server.book.wanted(B)
    assert (addresses(wanted), wanted.unresolved) == ([], {"north"})
    decision = decide(wanted, present, Memory(), Rules(0.1, 60.0), 1000.0)
    assert isinstance(decision.step, Replace)
    assert "endpoints" not in decision.step.document["spec"]
    assert decision.urgency is Urgency.REMOVAL
