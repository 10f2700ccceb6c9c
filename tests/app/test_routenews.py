"""What a running server tells of its routes, and what it tells them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace

from globaldns.app.lookout import Lookout
from globaldns.app.routewriting import RouteNews, make_route_news
from globaldns.app.surroundings import Istiods
from globaldns.apply.routes.progress import Progress, Stage
from globaldns.config.kinds import ClusterId
from globaldns.config.routing import Sni
from globaldns.config.schema import ClusterSettings, KubernetesSource, SourceSettings
from globaldns.istio.hiding import Surroundings
from globaldns.istio.notices import Code, Notice
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.explanation import RouteProgress
from globaldns.model.export import Endpoint
from globaldns.model.host import Host
from globaldns.registry.delta import Delta
from globaldns.routing.horizon import MUTUAL_TLS
from tests.app.test_routewriting import SERVICE, A, C, Server
from tests.registry.mesh import both, export, reset


@pytest.fixture
def server() -> Server:
    return Server()


class Noted:
    pending = 0

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.hindered: dict[Host, tuple[Notice, ...]] = {}

    def note(self, hosts: Iterable[Host]) -> None:
        self.hosts = [*hosts]

    def progress(self, host: Host) -> Progress:
        return Progress(Stage.REFUSED, 30.4, f"{host}: no")


RESTS = "another replica writes: globaldns-1"


def told(server: Server, noted: Noted, rest_reason: str | None = "") -> RouteNews:
    lookout = Lookout(Client(Access(text="")), lambda: Istiods("istio-system"))
    return RouteNews(noted, server.book, lookout, lambda: rest_reason)  # type: ignore[arg-type]


def test_what_is_not_served_is_told_by_the_replica_that_writes(server: Server) -> None:
    server.registry.apply([reset("east", export("c.ns", kind=SERVICE))], 30)
    server.book.wanted(C)
    assert {*told(server, Noted()).notices} == {C}
    assert told(server, Noted(), RESTS).notices == {}


def test_what_is_not_written_for_its_name_is_told_beside_it(server: Server) -> None:
    server.registry.apply([reset("east", export("c.ns", kind=SERVICE))], 30)
    server.book.wanted(C)
    noted = Noted()
    taken = Notice("x.ns.global", Code.TAKEN_NAME, "it stands there already")
    noted.hindered = {A: (taken,), C: (taken,)}
    notices = told(server, noted).notices
    assert {host: [one.code for one in notices[host]] for host in notices} == {
        A: ["taken-name"],
        C: ["unanswered", "taken-name"],
    }
    assert told(server, noted, RESTS).notices == {}


@pytest.mark.parametrize(
    ("rest_reason", "progress"),
    [
        ("", RouteProgress("refused", "1970-01-01T00:01:10Z", "a.ns: no")),
        (RESTS, RouteProgress("elsewhere", reason=RESTS)),
        (None, None),
    ],
)
def test_how_far_a_route_is_is_told_by_the_replica_that_writes(
    server: Server, rest_reason: str | None, progress: RouteProgress | None
) -> None:
    assert told(server, Noted(), rest_reason).progress(A, 100) == progress


def test_what_a_turn_changes_is_looked_at(server: Server) -> None:
    noted = Noted()
    news = told(server, noted)
    services = tuple(server.registry.services.values())
    news.tell(Delta(complete=True, services=services[:1], removed=(Host("c.ns"),)))
    assert noted.hosts == [services[0].host, "c.ns"]
    entry = replace(export("c.ns"), endpoints=(Endpoint("10.0.0.9", labels=(MUTUAL_TLS,)),))
    exports = (export("a.ns", kind=SERVICE), entry)
    news.tell(server.registry.apply([reset("east", *exports)], 30))
    assert noted.hosts == ["c.ns", ""]
    news.tell(server.registry.apply([reset("east", *exports, export("d.ns", kind=SERVICE))], 31))
    assert noted.hosts == ["d.ns"]


def test_in_gateway_mode_only_the_first_and_the_last_export_change_the_gateway() -> None:
    server = Server(both(export("b.other", "west", kind=SERVICE)))
    server.route(sni=Sni.GATEWAY)
    server.book.renew()
    noted = Noted()
    news = told(server, noted)
    one, other = export("a.ns", kind=SERVICE), export("c.ns", kind=SERVICE)
    for now, exports, about_all in ((30, (one,), True), (31, (one, other), False), (32, (), True)):
        news.tell(server.registry.apply([reset("east", *exports)], now))
        assert ("" in noted.hosts) is about_all


async def test_only_a_cluster_with_an_api_server_has_routes_written(server: Server) -> None:
    assert make_route_news(server.wiring) is None
    api = SourceSettings(kubernetes=KubernetesSource(kubeconfig=Path("absent")))
    clusters = {**server.config.clusters, ClusterId("east"): ClusterSettings(source=api)}
    server.config = replace(server.config, clusters=clusters)
    news = make_route_news(server.wiring)
    assert news is not None
    assert news.lookout.around == Surroundings()
    await news.routes.close()
