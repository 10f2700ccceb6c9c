"""Whether a ledger in Kubernetes may be written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
import yaml

from globaldns.app.rights import _look, ledger_findings
from globaldns.config.schema import Config
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.finding import Severity
from tests.app.meshes import Place
from tests.kube.fake import FakeApiServer
from tests.sources.reading import DEFINED, access

NAMESPACE = "globaldns-system"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.add_namespace(NAMESPACE)
        yield running


def configured(place: Place, way: Access | None) -> Config:
    clusters = {"east": place.cluster("east")}
    vips: dict[str, object] = {}
    if way is not None:
        file = place.folder / "kubeconfig"
        file.write_text(way.text or "")
        clusters = {"east": {"source": {"kubernetes": {"kubeconfig": str(file)}}}}
        vips = {"ledger": {"kubernetes": {}}}
    return place.configure(clusters=clusters, namespace=NAMESPACE, vips=vips)


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
