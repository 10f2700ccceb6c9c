"""A cluster with a DNS, for tests without a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import yaml

from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.kube.apiserver.resources import Resource
from tests.kube.fake import FakeApiServer
from tests.stubs.platforms import HELM_KIND, OPENSHIFT_KIND


def resource(group: str, plural: str, kind: str, scope: str) -> Resource:
    return Resource(group, ("v1",), plural, kind, namespaced=scope == "Namespaced")


DNSES, HELM_CHART_CONFIGS = resource(*OPENSHIFT_KIND), resource(*HELM_KIND)
SERVICE_CIDRS = resource("networking.k8s.io", "servicecidrs", "ServiceCIDR", "Cluster")


@asynccontextmanager
async def cluster(*manifests: Mapping[str, Any]) -> AsyncIterator[tuple[FakeApiServer, Client]]:
    """Give an API server with our namespace and some objects, and a client of it."""
    async with FakeApiServer(DNSES, HELM_CHART_CONFIGS) as server:
        for name in ("globaldns", "kube-system", "openshift-dns"):
            server.add_namespace(name)
        for manifest in manifests:
            server.put(manifest)
        client = Client(Access(text=yaml.safe_dump(server.kubeconfig())))
        try:
            yield server, client
        finally:
            await client.close()
