"""Objects that a cluster's DNS reads, edited on a real API server and left as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from globaldns.coredns.editing import Options
from globaldns.coredns.targets import Target, fingerprints, install, remove
from tests.coredns.collection import COREFILES, STUB, spoiled
from tests.coredns.targets import BASES, COREFILE, CUSTOM, MOVED, OPENSHIFT, RKE2, STUB_DOMAINS
from tests.system.api_servers import ApiServer

OPEN: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
FORWARD = {**OPEN, "properties": {"policy": {"type": "string", "default": "Random"}}}
SERVER = {**OPEN, "properties": {"forwardPlugin": FORWARD}}
SERVERS = {"type": "array", "items": SERVER}
SPEC = {**OPEN, "properties": {"servers": SERVERS}}


def definition(kind: str, resource: str, scope: str) -> dict[str, Any]:
    """A kind of others, as far as it matters here; what is left out of an entry gets a default."""
    plural, _, group = resource.partition(".")
    schema = {"type": "object", "properties": {"spec": SPEC}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def api(make_api_servers: Callable[..., list[ApiServer]]) -> ApiServer:
    (server,) = make_api_servers()
    server.apply(
        definition("DNS", OPENSHIFT.resource, "Cluster"),
        definition("HelmChartConfig", RKE2.resource, "Namespaced"),
    )
    return server


class Place:
    """A target's object on the API server."""

    def __init__(self, api: ApiServer, target: Target) -> None:
        self._api = api
        self._target = target
        plural, _, group = target.resource.partition(".")
        root = f"/apis/{group}/v1" if group else "/api/v1"
        inside = f"/namespaces/{target.namespace}" if target.namespace else ""
        self._path = f"{root}{inside}/{plural}"

    def get(self) -> dict[str, Any]:
        found = self._api.get(self._target.resource, self._target.name, self._target.namespace)
        assert found is not None
        return dict(found)

    def create(self, manifest: dict[str, Any]) -> None:
        status, body = self._api.request("POST", self._path, manifest)
        assert status == 201, body

    def replace(self, manifest: dict[str, Any]) -> int:
        return self._api.request("PUT", f"{self._path}/{self._target.name}", manifest)[0]

    def delete(self) -> None:
        self._api.delete(self._target.resource, self._target.name, self._target.namespace)


def content(standing: dict[str, Any]) -> dict[str, Any]:
    """What people put into an object."""
    return {key: standing[key] for key in ("data", "spec") if key in standing}


def manifest(target: Target, kind: str, version: str = "v1", **parts: Any) -> dict[str, Any]:
    metadata = {"name": target.name, "labels": {"theirs": "yes"}}
    if target.namespace:
        metadata["namespace"] = target.namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


ENTRY = {"name": "corp", "zones": ["corp.example"], "forwardPlugin": {"upstreams": ["10.1.0.53"]}}
STANDING = {
    f"Corefile, {how}": (COREFILE, manifest(COREFILE, "ConfigMap", data={"Corefile": text}))
    for how, text in spoiled(COREFILES["by-hand"]).items()
} | {
    "key beside others": (CUSTOM, manifest(CUSTOM, "ConfigMap", data={"log.override": "log\n"})),
    "stub domains": (
        STUB_DOMAINS,
        manifest(STUB_DOMAINS, "ConfigMap", data={"stubDomains": '{"a":["1.1.1.1"]}'}),
    ),
    "operator's list": (
        OPENSHIFT,
        manifest(OPENSHIFT, "DNS", "operator.openshift.io/v1", spec={"servers": [ENTRY]}),
    ),
    "chart's values": (
        RKE2,
        manifest(RKE2, "HelmChartConfig", "helm.cattle.io/v1", spec={"valuesContent": "a: 1"}),
    ),
}


@pytest.mark.parametrize(("target", "foreign"), STANDING.values(), ids=STANDING)
def test_an_object_of_others_is_edited_and_left_as_it_was(
    target: Target, foreign: dict[str, Any], api: ApiServer
) -> None:
    place, base = Place(api, target), BASES.get(target, "")
    place.create(foreign)
    before = place.get()
    try:
        edited = install(target, before, STUB, cluster="east", base=base)
        assert place.replace(edited) == 200
        assert place.replace(edited) == 409, "an older version was written over a newer one"
        standing = place.get()
        known = fingerprints(target, before, edited)
        again = Options(known=known)
        assert install(target, standing, STUB, cluster="east", base=base, options=again) == standing
        moved = install(target, standing, MOVED, cluster="east", base=base, options=again)
        known = fingerprints(target, standing, moved, known)
        assert place.replace(moved) == 200
        left = remove(target, place.get(), known)
        assert left is not None
        assert place.replace(left) == 200
        assert content(place.get()) == content(before)
        assert place.get()["metadata"]["labels"] == {"theirs": "yes"}
    finally:
        place.delete()


@pytest.mark.parametrize("target", [CUSTOM, STUB_DOMAINS, RKE2], ids=lambda target: target.shape)
def test_an_object_that_is_not_there_is_made_and_goes(target: Target, api: ApiServer) -> None:
    place, base = Place(api, target), BASES.get(target, "")
    made = install(target, None, STUB, cluster="east", base=base)
    place.create(made)
    standing, known = place.get(), fingerprints(target, None, made)
    again = Options(known=known)
    assert install(target, standing, STUB, cluster="east", base=base, options=again) == standing
    assert remove(target, standing, known) is None
    place.delete()
