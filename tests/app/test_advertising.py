"""Under which addresses clients know a server in Kubernetes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
import yaml

from globaldns.app.advertising import Advertised
from globaldns.kube.kubeconfig import Access
from tests.kube.fake import FakeApiServer


def service(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "globaldns", "namespace": "dns"},
        "spec": spec,
    }


async def found(server: FakeApiServer, until: int = 1) -> tuple[str, ...]:
    """Look until the Service was asked for, and return what was found."""
    access = Access(text=yaml.safe_dump(server.kubeconfig("east")))
    changed = asyncio.Event()
    advertised = Advertised(access, "dns", changed.set)
    running = asyncio.create_task(advertised.run())
    async with asyncio.timeout(10):
        await server.until(lambda: server.count("get", "services") >= until)
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), 0.1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert changed.is_set() is bool(advertised.addresses)
    return advertised.addresses


@pytest.mark.parametrize(
    ("spec", "addresses"),
    [
        ({"clusterIP": "10.0.0.10"}, ("10.0.0.10",)),
        (
            {"clusterIP": "10.0.0.10", "clusterIPs": ["10.0.0.10", "fd00::a"]},
            ("10.0.0.10", "fd00::a"),
        ),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, ()),
    ],
)
async def test_they_are_those_of_our_service(
    spec: dict[str, Any], addresses: tuple[str, ...]
) -> None:
    async with FakeApiServer() as server:
        server.add_namespace("dns")
        server.put(service(**spec))
        assert await found(server) == addresses


async def test_without_a_service_there_are_none() -> None:
    async with FakeApiServer() as server:
        assert await found(server) == ()
