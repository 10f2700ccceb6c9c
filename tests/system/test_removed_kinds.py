"""Real clusters whose kinds are removed: ``kubectl delete crd`` is no object's owner's word."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.system.api_servers import ApiServer, Object, find_program
from tests.system.istio_kinds import definitions
from tests.system.running import wait_until
from tests.system.sites import Sites, namespace, service

PINS, FENCES = "globalservices.globaldns.io", "clusterfences.globaldns.io"
PIN = "240.0.0.9"
MINE, FENCED = "mine.shop.global", "fenced.shop.global"
SAID_AT = "2026-01-02T03:04:05Z"


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """East pins its service; west has one, and is fenced by an object of east."""
    sites = Sites(tmp_path_factory.mktemp("sites"), lend_api_servers(2))
    sites.join()
    east, west = sites
    for site in sites:
        site.api.apply(namespace("shop"))
    east.api.apply(
        service("mine", "shop"),
        {
            "apiVersion": "globaldns.io/v1alpha1",
            "kind": "GlobalService",
            "metadata": {"name": "mine", "namespace": "shop"},
            "spec": {"pins": [PIN]},
        },
        {
            "apiVersion": "globaldns.io/v1alpha1",
            "kind": "ClusterFence",
            "metadata": {"name": "west"},
            "spec": {"cluster": "west", "at": SAID_AT},
        },
    )
    west.api.apply(service("fenced", "shop"))
    stuck = {"name": "stuck", "finalizers": ["example.test/stuck"]}
    east.api.apply(
        {
            "apiVersion": "globaldns.io/v1alpha1",
            "kind": "GlobalService",
            "metadata": {**stuck, "namespace": "shop"},
        },
        {
            "apiVersion": "globaldns.io/v1alpha1",
            "kind": "ClusterFence",
            "metadata": stuck,
            "spec": {"cluster": "west", "at": "2026-01-01T00:00:00Z", "fenced": False},
        },
    )
    try:
        sites.serve()
        yield sites
    finally:
        sites.close()


def kubectl(api: ApiServer, *words: str) -> None:
    command = [find_program("kubectl"), "--kubeconfig", str(api.kubeconfig_file()), *words]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def stands(sites: Sites) -> bool:
    """Whether the pin is a pin, answered by every server, and nothing of the fenced cluster is."""
    (claim,) = sites["east"].claims().get("mine.shop") or [""]
    servers = [server for site in sites for server in site.servers]
    pinned = all(server.addresses(MINE) == (PIN,) for server in servers)
    fenced = all(server.rcode(FENCED) == "NXDOMAIN" for server in servers)
    return f" {PIN} " in claim and " pinned " in claim and pinned and fenced


@pytest.mark.timeout(600)
def test_pins_and_fences_outlive_their_kinds_and_end_by_a_persons_word(sites: Sites) -> None:
    east = sites["east"]
    wait_until(lambda: stands(sites), "what people said is obeyed")
    for kind, plain in ((PINS, "globalservice"), (FENCES, "clusterfence")):
        # One object that nobody lets go holds the kind where the others are gone already.
        kubectl(east.api, "delete", "crd", kind, "--wait=false")
        where = ("--namespace", "shop") if kind == PINS else ()
        wait_until(lambda: len(east.api.objects(kind)) == 1, "all others are gone")  # noqa: B023
        for site in sites:
            said = "is being removed, with its CustomResourceDefinition"
            wait_until(lambda: said in site.server.get("/api/v1/clusters")[1], said)  # noqa: B023
        time.sleep(2)  # in which a word would be obeyed
        assert stands(sites)
        release = '{"metadata": {"finalizers": null}}'
        kubectl(east.api, "patch", plain, "stuck", *where, "--type=merge", "--patch", release)
        for site in sites:
            wait_until(lambda: said not in site.server.get("/api/v1/clusters")[1], "it is gone")  # noqa: B023
            assert "is not served any more" in site.server.get("/api/v1/clusters")[1]
        time.sleep(2)
        assert stands(sites)
    # Nor does a restart, which finds nothing of the kinds, forget what they said.
    east.server.kill()
    again = sites.start(east)
    wait_until(lambda: stands(sites), "it is remembered", seconds=60)
    again.wait_log("is not served any more: what it said last stands")
    # What a person takes back once the kinds are there again is gone.
    east.prepare()
    east.api.apply(
        {
            "apiVersion": "globaldns.io/v1alpha1",
            "kind": "ClusterFence",
            "metadata": {"name": "west"},
            "spec": {"cluster": "west", "at": SAID_AT},
        }
    )
    wait_until(lambda: "silent" not in again.get("/api/v1/clusters")[1], "both kinds are read")
    assert again.rcode(FENCED) == "NXDOMAIN"
    kubectl(east.api, "delete", "clusterfence", "west")
    sites.wait_agreed(FENCED)


ENTRIES, EXPORTS = "serviceentries.networking.istio.io", "serviceexports.multicluster.x-k8s.io"
LISTED, ENTERED, PLAIN = "listed.shop.global", "entered.shop.global", "plain.shop.global"


def export(name: str, **metadata: object) -> Object:
    place = {"name": name, "namespace": "shop", **metadata}
    return {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceExport"} | {
        "metadata": place
    }


def entry(name: str, **metadata: object) -> Object:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": {
            "hosts": [f"{name}.shop.global"],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "10.9.0.1"}],
        },
    }


def exports_definition() -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": "ServiceExport", "plural": "serviceexports", "singular": "serviceexport"}
    version = {"name": "v1alpha1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": EXPORTS,
            "annotations": {"api-approved.kubernetes.io": "unapproved, as in a test"},
        },
        "spec": {
            "group": "multicluster.x-k8s.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [version | {"schema": {"openAPIV3Schema": anything}}],
        },
    }


def install(api: ApiServer) -> None:
    """Have the kinds served."""
    api.apply(*definitions(), exports_definition())
    for path in (
        "networking.istio.io/v1/serviceentries",
        "multicluster.x-k8s.io/v1alpha1/serviceexports",
    ):
        wait_until(
            lambda path=path: api.request("GET", f"/apis/{path}")[0] == 200, f"{path} is served"
        )


@pytest.fixture
def mesh(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """East exports by an entry, by a ServiceExport, and by an annotation; west reads it."""
    sites = Sites(tmp_path_factory.mktemp("sites"), lend_api_servers(2))
    sites.join()
    east = sites["east"]
    for site in sites:
        install(site.api)
        site.api.apply(namespace("shop"))
    east.api.apply(
        service("plain", "shop"),
        service("listed", "shop", exported=False),
        export("listed"),
        export("stuck", finalizers=["example.test/stuck"]),
        entry("entered"),
        entry("stuck", finalizers=["example.test/stuck"]),
    )
    try:
        sites.serve()
        yield sites
    finally:
        sites.close()


def stand(mesh: Sites, vips: dict[str, str]) -> bool:
    """Whether all servers answer what they did."""
    return all(mesh.addresses(host) == {(vip,)} for host, vip in vips.items())


def wait_told(mesh: Sites, words: str, *, is_told: bool = True) -> None:
    """Look until all servers say something of clusters, or none does any more."""
    for site in mesh:
        server = site.server
        wait_until(
            lambda server=server: (words in server.get("/api/v1/clusters")[1]) is is_told,
            f"{words}: {is_told}",
        )


def remove_kind(mesh: Sites, kind: str, plain: str) -> None:
    """Delete east's definition, which one object holds for a while that nobody lets go."""
    api = mesh["east"].api
    kubectl(api, "delete", "crd", kind, "--wait=false")
    wait_until(lambda: len(api.objects(kind)) == 1, "all others are gone")
    wait_told(mesh, "is being removed, with its CustomResourceDefinition")
    time.sleep(2)  # in which a word would be obeyed
    release = '{"metadata": {"finalizers": null}}'
    words = ("patch", plain, "stuck", "--namespace", "shop", "--type=merge", "--patch", release)
    kubectl(api, *words)
    wait_told(mesh, "is being removed", is_told=False)
    wait_told(mesh, "is not served any more")
    time.sleep(2)


@pytest.mark.timeout(600)
def test_exports_outlive_their_kinds_and_end_by_their_owners_word(mesh: Sites) -> None:
    east = mesh["east"]
    vips = {host: mesh.wait_agreed(host) for host in (LISTED, ENTERED, PLAIN)}
    for kind, plain in ((ENTRIES, "serviceentry"), (EXPORTS, "serviceexport")):
        remove_kind(mesh, kind, plain)
        assert stand(mesh, vips)
    # Nor does a restart, which finds nothing of the kinds, forget what they said.
    east.server.kill()
    again = mesh.start(east)
    again.wait_log("is not served any more: what it said last stands")
    wait_until(lambda: stand(mesh, vips), "it is remembered", seconds=60)
    # Installed again by somebody, with its objects.
    install(east.api)
    east.api.apply(export("listed"), export("stuck"), entry("entered"), entry("stuck"))
    wait_told(mesh, "silent", is_told=False)
    assert stand(mesh, vips)
    # A removal is its owner's word, and a kind of which nothing counts is missed by nobody.
    kubectl(east.api, "delete", "serviceexport", "--all", "--namespace", "shop")
    mesh.wait_gone(LISTED)
    del vips[LISTED]
    kubectl(east.api, "delete", "crd", EXPORTS)
    # What was meant is said to be.
    kubectl(east.api, "delete", "crd", ENTRIES)
    wait_told(mesh, "is not served any more")
    assert stand(mesh, vips)
    said = f"globaldns.io/removed-kinds={ENTRIES}"
    kubectl(east.api, "annotate", "namespace", "kube-system", said)
    mesh.wait_gone(ENTERED)
    del vips[ENTERED]
    wait_told(mesh, "silent", is_told=False)
    assert stand(mesh, vips)
