"""What a configuration says of a cluster, beside real API servers: who exports, and who counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.system.api_servers import ApiServer
from tests.system.running import wait_until
from tests.system.sites import Sites, namespace, service

LABEL = {"mesh": "on"}


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters; west exports what east does not, and something that east does too."""
    sites = Sites(tmp_path_factory.mktemp("sites"), lend_api_servers(2))
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"), service("shared", "shop"))
    sites["west"].api.apply(service("alone", "shop"))
    try:
        sites.serve()
        yield sites
    finally:
        sites.close()


def say_of_west(sites: Sites, **settings: Any) -> None:
    """Change what every server's configuration says of west; the servers run on."""
    for site in sites:
        site.replica().configure(clusters={"west": settings})


def test_a_cluster_that_the_configuration_fences_counts_no_more_and_keeps_its_vips(
    sites: Sites,
) -> None:
    alone, shared = map(sites.wait_agreed, ("alone.shop.global", "shared.shop.global"))
    say_of_west(sites, fenced=True)
    sites.wait_gone("alone.shop.global")
    assert sites.addresses("shared.shop.global") == {(shared,)}
    for site in sites:
        listed = site.replica().run("cluster", "list", "-o", "json")
        assert '"fenced": true' in listed.stdout, listed.stderr
    assert any(alone in line for line in sites["west"].claims()["alone.shop"])
    # What comes meanwhile is numbered without what west has promised.
    sites["east"].api.apply(*(service(f"new-{number}", "shop") for number in range(20)))
    numbered = {sites.wait_agreed(f"new-{number}.shop.global") for number in range(20)}
    assert len(numbered | {alone, shared}) == 22
    # A word of the configuration is nobody's to take back but there.
    refused = sites["east"].replica().run("cluster", "unfence", "west")
    assert refused.returncode == 1
    assert "remove clusters.west.fenced there" in refused.stderr
    say_of_west(sites, fenced=False)
    assert sites.wait_agreed("alone.shop.global") == alone


def test_a_namespace_exports_while_it_has_the_labels_that_are_asked_for(sites: Sites) -> None:
    alone, shared = map(sites.wait_agreed, ("alone.shop.global", "shared.shop.global"))
    say_of_west(sites, namespace_selector=LABEL)
    sites.wait_gone("alone.shop.global")
    assert sites.addresses("shared.shop.global") == {(shared,)}, "nothing is asked of east"
    west = sites["west"].api
    labelled = namespace("shop")
    labelled["metadata"]["labels"] = LABEL
    west.apply(labelled)
    assert sites.wait_agreed("alone.shop.global") == alone
    west.apply(service("later", "shop"))
    assert sites.wait_agreed("later.shop.global")
    west.apply(namespace("shop"))
    sites.wait_gone("later.shop.global")
    wait_until(
        lambda: sites["east"].server.rcode("alone.shop.global") == "NXDOMAIN", "none is exported"
    )
