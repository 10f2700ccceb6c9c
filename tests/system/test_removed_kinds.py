"""Pins and fences of a real cluster whose kinds are removed: ``kubectl delete crd`` is no word."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.system.api_servers import ApiServer, find_program
from tests.system.running import wait_until
from tests.system.sites import Sites, namespace, service

PINS, FENCES = "globalservices.globaldns.io", "clusterfences.globaldns.io"
PIN = "240.0.0.9"
MINE, FENCED = "mine.shop.global", "fenced.shop.global"
SAID_AT = "2026-01-02T03:04:05Z"


@pytest.fixture
def sites(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """East pins its service; west has one, and is fenced by an object of east."""
    sites = Sites(tmp_path_factory.mktemp("sites"), make_api_servers(2))
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
