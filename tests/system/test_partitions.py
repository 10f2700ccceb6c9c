"""Three real clusters, each cut off in turn: both sides go on, and agree once they are joined."""

from __future__ import annotations

import pytest

from tests.system.running import Server, wait_until
from tests.system.sites import Sites, service

NAMES = ("east", "west", "north")


def is_behind(server: Server, cluster: str) -> bool:
    """Whether a server has noticed that a cluster does not answer."""
    return server.metric(f'globaldns_source_up{{cluster="{cluster}"}}') == 0


def digests(sites: Sites) -> set[str]:
    """Return what the servers say of all that they serve."""
    return {site.server.get("/api/v1/digest")[1].partition('"services"')[2] for site in sites}


@pytest.mark.parametrize("lone", NAMES)
def test_a_cluster_that_is_cut_off_and_joined_again_agrees_with_the_others(
    sites: Sites, lone: str
) -> None:
    others = [name for name in NAMES if name != lone]
    far, near = sites[lone], sites[others[0]]
    kept, ended, shared = f"kept-{lone}", f"ended-{lone}", f"shared-{lone}"
    for name in (kept, ended):
        far.api.apply(service(name, "shop"))
    before = {name: sites.wait_agreed(f"{name}.shop.global") for name in (kept, ended)}
    with sites.cut(lone):
        wait_until(lambda: is_behind(near.server, lone), "the others have noticed")
        wait_until(lambda: is_behind(far.server, others[0]), "it has noticed itself")
        # On both sides: a name of its own, and the same name on both.
        far.api.apply(service(f"far-{lone}", "shop"), service(shared, "shop"))
        near.api.apply(service(f"near-{lone}", "shop"), service(shared, "shop"))
        far.api.delete("services", ended, "shop")
        far.server.wait_answer(f"far-{lone}.shop.global")
        for server in (far.server, near.server):
            server.wait_answer(f"{shared}.shop.global")
        near.server.wait_answer(f"near-{lone}.shop.global")
        # What one side cannot know is no negative there, and what it knew it answers.
        assert near.server.rcode(f"far-{lone}.shop.global") != "NOERROR"
        assert near.server.addresses(f"{kept}.shop.global") == (before[kept],)
        assert near.server.addresses(f"{ended}.shop.global") == (before[ended],)
        (first,) = near.server.addresses(f"{shared}.shop.global")
        assert far.server.addresses(f"{shared}.shop.global") == (first,)
    assert sites.wait_agreed(f"far-{lone}.shop.global")
    assert sites.wait_agreed(f"near-{lone}.shop.global")
    assert sites.wait_agreed(f"{shared}.shop.global") == first
    assert sites.wait_agreed(f"{kept}.shop.global") == before[kept]
    sites.wait_gone(f"{ended}.shop.global")
    wait_until(lambda: len(digests(sites)) == 1, "all serve the same")
