"""Services for clusters that lack them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from globaldns.istio.notices import Code
from globaldns.istio.replica import is_replicated, replicated_host
from globaldns.istio.routes import Site
from globaldns.model.export import ExportKind, Port, Transport
from globaldns.model.host import Host
from globaldns.model.lost import Standing
from globaldns.model.service import Service, ServiceState
from tests.istio.sites import UDP, route, site
from tests.routing.meshes import endpoint, export, service

FAR = service(export("c2a", endpoint("20.0.0.1", "n2")))
NONE: frozenset[Host] = frozenset()


def lacking(*services: str, **where: object) -> Site:
    return replace(site("n1", **where), services=frozenset(map(Host, services)))  # type: ignore[arg-type]


def replica(asked: Service, where: Site) -> list[dict[str, object]]:
    """Return the documents of its last bundle."""
    return [*route(asked, where).bundles[-1].documents]


def test_a_cluster_that_lacks_a_service_gets_one_without_a_selector() -> None:
    (made,) = replica(FAR, lacking())
    assert made == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"globaldns.io/owned-by": "c1a"},
        },
        "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP", "appProtocol": "http"}]},
    }


def test_its_namespace_comes_before_it_where_that_is_missing() -> None:
    namespace, made = replica(FAR, lacking(namespaces=()))
    assert namespace == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"globaldns.io/owned-by": "c1a"}},
    }
    assert made["kind"] == "Service"


@pytest.mark.parametrize("is_served", [True, False])
def test_in_a_namespace_that_is_being_deleted_there_is_none_and_that_is_told(
    *, is_served: bool
) -> None:
    where = replace(lacking(namespaces=()), leaving=frozenset({"shop"}), is_served=is_served)
    found = route(FAR, where)
    documents = [one for bundle in found.bundles for one in bundle.documents]
    assert not {"Service", "Namespace"} & {one["kind"] for one in documents}
    [told] = [notice for notice in found.notices if notice.code is Code.LEAVING]
    assert told.host == "web.shop.svc.cluster.local"
    assert "namespace shop is being deleted" in told.detail


@pytest.mark.parametrize(
    ("ports", "written"),
    [
        ((Port(80, "port-80"),), [{"port": 80, "protocol": "TCP"}]),
        (
            (Port(80, "port-80"), Port(81, "x")),
            [
                {"name": "port-80", "port": 80, "protocol": "TCP"},
                {"name": "x", "port": 81, "protocol": "TCP"},
            ],
        ),
        ((UDP,), [{"name": "dns", "port": 53, "protocol": "UDP"}]),
        (
            (Port(80, "a"), Port(80, "b"), Port(81, "a"), Port(80, "c", "", Transport.UDP)),
            [
                {"name": "a", "port": 80, "protocol": "TCP"},
                {"name": "c", "port": 80, "protocol": "UDP"},
            ],
        ),
    ],
    ids=["unnamed", "several", "udp", "twice"],
)
def test_its_ports_are_those_of_the_service(
    ports: tuple[Port, ...], written: list[dict[str, object]]
) -> None:
    where = replace(lacking(), is_served=False)
    (made,) = replica(replace(FAR, ports=ports), where)
    assert made["spec"] == {"ports": written}


@pytest.mark.parametrize(
    ("asked", "services"),
    [
        (FAR, frozenset({FAR.host})),
        (replace(FAR, host=Host("a.web.shop")), NONE),
        (replace(FAR, host=Host("*.shop")), NONE),
        (service(export("c1a")), NONE),
        (service(export("c2a", kind=ExportKind.SERVICE_ENTRY)), NONE),
        (service(*FAR.contributions, standings={"c2a": Standing.DROPPED}), NONE),
    ],
    ids=["has", "labels", "wildcard", "own", "entry", "dropped"],
)
def test_what_a_cluster_does_not_lack_is_not_replicated(
    asked: Service, services: frozenset[Host]
) -> None:
    assert not is_replicated(asked, "c1a", services)


def test_none_is_made_unless_it_is_wanted() -> None:
    found = route(FAR, site("n1"))
    assert [one.documents[0]["kind"] for one in found.bundles] == ["ServiceEntry"]


def test_where_another_istiod_serves_it_there_is_nothing_else() -> None:
    where = replace(lacking(), is_served=False)
    (bundle,) = route(FAR, where).bundles
    assert [one["kind"] for one in bundle.documents] == ["Service"]
    assert route(FAR, replace(where, services=None)).bundles == ()


def test_what_is_not_known_well_stands_as_it_is() -> None:
    claimed = replace(FAR, state=ServiceState.CLAIMED, contributions=())
    for where in (lacking(), replace(lacking(), is_served=False)):
        assert route(claimed, where).skipped is Code.UNHEARD


def test_a_persons_entry_of_the_host_is_no_obstacle() -> None:
    own = export("c1a", kind=ExportKind.SERVICE_ENTRY)
    found = route(FAR, lacking(), own)
    assert [one["kind"] for bundle in found.bundles for one in bundle.documents] == ["Service"]
    assert found.skipped is None


def test_a_plain_name_is_told_from_others() -> None:
    assert replicated_host("web.shop.svc.cluster.local") == "web.shop"
    assert replicated_host("web.shop.global") is None
