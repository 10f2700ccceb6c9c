from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import msgspec
import pytest

from globaldns.admin.reports import ClusterList, ConflictList, ServicePage, ServiceReport, VipPage
from globaldns.admin.routes import report_routes
from globaldns.istio.notices import Code, Notice
from globaldns.model.explanation import Explanation, RouteProgress
from globaldns.model.finding import Finding, Severity
from globaldns.registry.digest import digest
from globaldns.registry.explain import explain

REVIEWS = "reviews.bookinfo"


def vip_of(mesh, host=REVIEWS):
    (address,) = mesh.services[host].vips
    return ".".join(map(str, address))


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("", ["*.wild", "only.shop", REVIEWS]),
        ("?host=*.bookinfo", [REVIEWS]),
        ("?host=REVIEWS.bookinfo.global.", [REVIEWS]),
        ("?host=*.mesh.example&cluster=west", [REVIEWS]),
        ("?cluster=north", []),
        ("?host=&cluster=&limit=&continue=", ["*.wild", "only.shop", REVIEWS]),
    ],
)
async def test_a_listing_has_what_its_query_means_in_the_order_of_hosts(get, query, hosts):
    answer = await get(f"/api/v1/services{query}")
    page = msgspec.json.decode(answer.body, type=ServicePage)
    assert [service.host for service in page.items] == hosts
    assert answer.status == 200


async def test_pages_follow_each_other_until_one_names_no_next(get):
    first = (await get("/api/v1/services?limit=2")).json
    assert [item["host"] for item in first["items"]] == ["*.wild", "only.shop"]
    last = (await get(f"/api/v1/services?limit=2&continue={first['next']}")).json
    assert [item["host"] for item in last["items"]] == [REVIEWS]
    assert "next" not in last


@pytest.mark.parametrize("path", ["services", "vips"])
@pytest.mark.parametrize("query", ["hots=*", "limit=1&limit=2", "limit=0", "continue=/"])
async def test_a_listing_refuses_what_it_does_not_understand(get, path, query):
    answer = await get(f"/api/v1/{path}?{query}")
    assert answer.status == 400
    assert "write" in answer.detail


@pytest.mark.parametrize("host", [REVIEWS, "reviews.bookinfo.mesh.example", "Reviews.Bookinfo."])
async def test_a_service_is_found_by_its_host_with_or_without_zone(get, mesh, host):
    answer = await get(f"/api/v1/services/{host}")
    found = msgspec.json.decode(answer.body, type=ServiceReport)
    assert (found.host, found.vips) == (REVIEWS, (vip_of(mesh),))


async def test_a_wildcard_is_a_service_of_its_own_however_it_is_written(get):
    for host in ("*.wild", "%2A.wild", "%2a%2ewild.global"):
        assert (await get(f"/api/v1/services/{host}")).json["host"] == "*.wild"
    refused = await get("/api/v1/services/any.wild")
    assert refused.status == 404
    assert "ask for *.wild" in refused.detail


BAD_NAMES = [
    "%00",
    "%FF",
    "%C3%A9.ns",
    "a%2Fb",
    "a..b",
    "_explain.a.ns",
    "%20",
    "global",
    "a" * 300,
]


@pytest.mark.parametrize("path", ["services", "explain"])
@pytest.mark.parametrize("name", [*BAD_NAMES, "fe80::1%25eth0"])
async def test_what_cannot_be_a_host_is_a_bad_request(get, path, name):
    answer = await get(f"/api/v1/{path}/{name}")
    assert (answer.status, bool(answer.detail)) == (400, True)


@pytest.mark.parametrize(
    "path", ["services/no.such", "services/", "explain/", "explain/240.1.2.3", "services/a/b", ""]
)
async def test_what_is_not_there_is_not_found(get, path):
    answer = await get(f"/api/v1/{path}")
    assert (answer.status, bool(answer.detail)) == (404, True)


async def test_an_explanation_is_the_registry_s_by_host_and_by_vip(get, mesh):
    routes = report_routes(mesh, mesh.services[REVIEWS])
    expected = explain(mesh.registry, REVIEWS, now=mesh.now)
    expected = msgspec.structs.replace(expected, routes=routes)
    for subject in (REVIEWS, "REVIEWS.bookinfo.global", vip_of(mesh)):
        answer = await get(f"/api/v1/explain/{subject}")
        assert msgspec.json.decode(answer.body, type=Explanation) == expected


async def test_how_far_the_routes_of_a_host_are_is_told(get, mesh):
    assert (await get(f"/api/v1/explain/{REVIEWS}")).json["written"] is None
    mesh.written = RouteProgress("pending", "2026-01-02T03:04:05Z")
    written = {"state": "pending", "since": "2026-01-02T03:04:05Z", "reason": ""}
    assert (await get(f"/api/v1/explain/{REVIEWS}")).json["written"] == written
    assert (await get("/api/v1/explain/no.such")).json["written"] is None


async def test_what_routes_do_not_serve_is_told_of_all_and_of_each(get, mesh):
    assert (await get("/api/v1/notices")).json == {"items": []}
    told = {"code": "no-gateway", "detail": "no way in", "hint": "name one"}
    other = Notice("a.ns.global", Code.NO_VIP, "it has none")
    mesh.told = (Notice(f"{REVIEWS}.global", Code.NO_GATEWAY, "no way in", "name one"), other)
    mesh.networks = (Finding(Severity.ERROR, "network-overlap", "both", hint="mend", cluster="x"),)
    of_routes = {"severity": "warning", "cluster": "east"}
    assert (await get("/api/v1/notices")).json["items"] == [
        {
            "host": "",
            "code": "network-overlap",
            "detail": "both",
            "hint": "mend",
            "severity": "error",
            "cluster": "x",
        },
        {"host": "a.ns.global", "code": "no-vip", "detail": "it has none", "hint": "", **of_routes},
        {"host": f"{REVIEWS}.global", **told, **of_routes},
    ]
    assert (await get(f"/api/v1/explain/{REVIEWS}")).json["notices"] == [told]


async def test_an_explanation_says_which_objects_are_refused(get, mesh):
    mesh.refusals = [
        Finding(Severity.ERROR, "port-range", "port 0 is bad", object="Service bookinfo/reviews")
    ]
    (dropped,) = (await get(f"/api/v1/explain/{REVIEWS}")).json["dropped"]
    assert (dropped["object"], dropped["rule"]) == ("Service bookinfo/reviews", "port-range")


async def test_a_host_that_is_no_service_is_explained_as_unknown(get):
    assert (await get("/api/v1/explain/no.such")).json["state"] == "unknown"


async def test_vips_come_in_pages_and_each_page_has_the_pools(get):
    numbered = []
    target = "/api/v1/vips?limit=2"
    while target:
        page = msgspec.json.decode((await get(target)).body, type=VipPage)
        numbered += [(vip.host, vip.state) for vip in page.items]
        assert [(pool.pool, pool.held) for pool in page.pools] == [("240.128.0.0/24", 3)]
        target = f"/api/v1/vips?limit=2&continue={page.next}" if page.next else ""
    assert sorted(numbered) == [("*.wild", "held"), ("only.shop", "held"), (REVIEWS, "held")]


async def test_clusters_and_conflicts_are_lists(get):
    clusters = msgspec.json.decode((await get("/api/v1/clusters")).body, type=ClusterList)
    assert [item.cluster for item in clusters.items] == ["east", "north", "west"]
    assert clusters.refused_secrets == ()
    conflicts = msgspec.json.decode((await get("/api/v1/conflicts")).body, type=ConflictList)
    assert [(c.host, c.rule, c.loser_cluster) for c in conflicts.items] == [
        (REVIEWS, "port-protocol", "west")
    ]


async def test_the_clusters_own_dns_is_reported(get):
    answer = (await get("/api/v1/stub")).json
    assert answer == {"reason": "stub.manage is not set", "places": [], "paths": []}


async def test_the_digest_is_of_what_is_served_with_its_serial(get, mesh, renumber):
    settings = mesh.registry.settings
    before = (await get("/api/v1/digest")).json
    expected = digest(mesh.services, zones=settings.zones, pools=settings.pools)
    assert before == {"serial": 2026, "services": 3, "zone": expected.zone, "vips": expected.vips}
    renumber(mesh.registry, REVIEWS, 20)
    assert (await get("/api/v1/digest")).json["vips"] != before["vips"]


async def test_the_configuration_is_the_one_in_force(get):
    answer = (await get("/api/v1/config")).json
    assert (answer["config"], answer["reload"]["accepted"]) == ({"cluster": "east"}, True)


class Watched(Mapping):
    """Services that note which threads go through all of them."""

    def __init__(self, services):
        self._services = services
        self.threads = set()

    def __getitem__(self, host):
        return self._services[host]

    def __len__(self):
        return len(self._services)

    def __iter__(self) -> Iterator[str]:
        self.threads.add(threading.current_thread())
        return iter(self._services)


async def test_what_looks_at_every_service_does_not_keep_the_loop(get, mesh):
    mesh.services = Watched(mesh.services)
    assert (await get("/api/v1/services")).status == 200
    (thread,) = mesh.services.threads
    assert thread is not threading.current_thread()
