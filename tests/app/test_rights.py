"""Whether a ledger in Kubernetes may be written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
import yaml

from globaldns.app.rights import _look, _look_at_needs, ledger_findings, writing_findings
from globaldns.config.schema import Config
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.finding import Severity
from tests.app.meshes import Place
from tests.apply.routes.keeping import KINDS
from tests.kube.fake import FakeApiServer
from tests.sources.reading import DEFINED, access

NAMESPACE = "globaldns-system"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(
        *{**DEFINED, **{one.plural: one for one in KINDS}}.values()
    ) as running:
        running.add_namespace(NAMESPACE)
        yield running


def configured(place: Place, way: Access | None, **routing: object) -> Config:
    clusters = {"east": place.cluster("east")}
    vips: dict[str, object] = {}
    if way is not None:
        file = place.folder / "kubeconfig"
        file.write_text(way.text or "")
        clusters = {"east": {"source": {"kubernetes": {"kubeconfig": str(file)}}}}
        vips = {"ledger": {"kubernetes": {}}}
    return place.configure(clusters=clusters, namespace=NAMESPACE, vips=vips, routing=routing)


def deny(verb: str, resource: str) -> Callable[[FakeApiServer], None]:
    return lambda server: server.deny(verb, resource)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda _server: None, []),
        (
            deny("update", "leases.coordination.k8s.io"),
            ["leases.coordination.k8s.io: our account may not update it"],
        ),
        (
            deny("*", "vipledgers.globaldns.io"),
            ["vipledgers.globaldns.io: our account may not get, create, update, delete it"],
        ),
        (
            deny("get", "vipledgers.globaldns.io"),
            ["vipledgers.globaldns.io: our account may not get it"],
        ),
        (
            lambda server: server.delete("namespaces", NAMESPACE),
            [f"Namespace {NAMESPACE}: is not there"],
        ),
        (deny("get", "namespaces"), []),
        (lambda server: server.fail(503, times=9), []),
    ],
)
async def test_what_hinders_it_is_told_with_its_remedy(
    place: Place,
    server: FakeApiServer,
    spoil: Callable[[FakeApiServer], None],
    told: list[str],
) -> None:
    spoil(server)
    way = access(server)
    found = await _look(Client(way), configured(place, way))
    shown = [f"{one.object}: {one.reason}" for one in found]
    assert len(shown) == len(told)
    assert all(line.startswith(start) for line, start in zip(shown, told, strict=True))
    assert all(one.hint and one.severity is Severity.ERROR for one in found)
    assert {one.cluster for one in found} <= {"east"}


def test_a_ledger_in_a_file_is_asked_of_nobody(place: Place) -> None:
    assert ledger_findings(configured(place, None)) == ()


def test_a_server_that_is_not_there_is_told_where_it_is_read(place: Place) -> None:
    nowhere = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    }
    way = Access(text=yaml.safe_dump(nowhere))
    assert ledger_findings(configured(place, way)) == ()


ENTRIES, RULES = "serviceentries.networking.istio.io", "destinationrules.networking.istio.io"
ROUTER, WRITER = "globaldns-router", "globaldns-writer"


@pytest.mark.parametrize(
    ("spoil", "routing", "told"),
    [
        (lambda _server: None, {"replicate_services": True}, []),
        (
            deny("create", ENTRIES),
            {},
            [(ENTRIES, "may not create it in all namespaces", ROUTER, Severity.ERROR)],
        ),
        (
            deny("*", RULES),
            {},
            [(RULES, "get, list, watch, create, update, delete", ROUTER, Severity.ERROR)],
        ),
        (deny("*", RULES), {"apply": False}, []),
        (deny("delete", "services"), {}, []),
        (
            deny("delete", "services"),
            {"replicate_services": True},
            [("services", "may not delete it", ROUTER, Severity.ERROR)],
        ),
        (
            deny("create", "namespaces"),
            {"replicate_services": True},
            [("namespaces", "may not create it", ROUTER, Severity.ERROR)],
        ),
        (
            deny("patch", "globalservices/status"),
            {},
            [("globalservices.globaldns.io/status", "not patch it", WRITER, Severity.WARNING)],
        ),
        (lambda server: (server.unserve(RULES), server.deny("*", RULES)), {}, []),
        (lambda server: server.fail(503, times=99), {}, []),
    ],
)
async def test_what_may_not_be_written_is_told_by_the_kinds_that_are_to_be(
    place: Place,
    server: FakeApiServer,
    spoil: Callable[[FakeApiServer], None],
    routing: dict[str, object],
    told: list[tuple[str, str, str, Severity]],
) -> None:
    spoil(server)
    way = access(server)
    found = await _look_at_needs(Client(way), configured(place, way, **routing))
    assert len(found) == len(told)
    for one, (what, reason, role, severity) in zip(found, told, strict=True):
        assert (one.object, one.severity, one.cluster) == (what, severity, "east")
        assert reason in one.reason
        assert role in one.hint


def test_without_an_api_server_nothing_is_to_be_written(place: Place) -> None:
    assert writing_findings(configured(place, None)) == ()
