import pytest
from msgspec import structs

from globaldns.model.address import Family
from globaldns.model.host import Host
from globaldns.registry.registry import Registry
from globaldns.registry.settings import ClusterRules
from tests.registry.mesh import (
    A,
    claim,
    export,
    ledger,
    prefix,
    reset,
    service,
    settings,
    settled,
    vip,
)


def test_claims_of_a_cluster_that_may_not_export_the_host_do_not_count():
    rules = {"east": ClusterRules(), "west": ClusterRules(allow_namespaces=("other",))}
    registry = Registry(structs.replace(settings(), clusters=rules))
    theirs = ledger("west", claim("a.ns", "240.128.0.9", 1, "west"))
    settled(registry, reset("east", export("a.ns")), reset("west", ledger=theirs))
    assert service(registry, "a.ns").vips != (vip("240.128.0.9"),)


@pytest.mark.parametrize(
    ("namespaces", "hosts", "host", "may"),
    [
        (("*",), (), "a.ns", True),
        (("ns",), (), "a.ns", True),
        (("ns",), (), "a.ns2", False),
        (("n?", "team-*"), (), "a.ns", True),
        (("n?", "team-*"), (), "a.team-1", True),
        (("NS",), (), "a.ns", False),
        ((), (), "a.ns", False),
        (("*",), (), "legacy", False),
        (("*",), ("*.global",), "legacy", True),
        (("*",), ("legacy.mesh",), "legacy", True),
        (("*",), ("legacy",), "legacy", False),
        (("*",), (), "*.a.ns", False),
        ((), ("a.ns.global",), "a.ns", True),
        ((), ("*.wild.global",), "*.wild", True),
    ],
)
def test_a_cluster_exports_from_its_namespaces_and_what_is_listed_by_name(
    namespaces, hosts, host, may
):
    rules = ClusterRules(allow_namespaces=namespaces, allow_hosts=hosts)
    assert rules.may_export(Host(host), ("global", "mesh")) is may


@pytest.mark.parametrize(("cluster", "may"), [("east", False), ("gone", True)])
def test_the_claims_of_a_cluster_that_is_not_configured_any_more_count(cluster, may):
    rules = {"east": ClusterRules(allow_namespaces=("other",))}
    obeyed = structs.replace(settings(), clusters=rules)
    assert obeyed.counting()(claim(A, "240.0.0.1", 1, cluster)) is may


@pytest.mark.parametrize(
    ("vip", "may"),
    [("127.0.0.1", False), ("ff02::1", False), ("240.240.0.1", True), ("10.0.0.1", True)],
)
def test_no_claim_of_an_address_that_can_be_no_vip_counts(vip, may):
    obeyed = structs.replace(settings(), allow_special=(prefix("240.240.0.0/16"),))
    assert obeyed.counting()(claim("a.ns", vip, 1)) is may


def test_waits_follow_from_the_largest_ttl_and_the_quarantine():
    obeyed = structs.replace(settings(), largest_ttl=30, quarantine=1001)
    assert (obeyed.handover, obeyed.patience) == (300, 500)


@pytest.mark.parametrize(
    ("pools", "families"),
    [
        ([], ()),
        (["240.128.0.0/24", "240.129.0.0/24"], (Family.IPV4,)),
        (["fd00::/64", "240.128.0.0/24"], (Family.IPV4, Family.IPV6)),
    ],
)
def test_the_families_are_those_of_the_pools_ipv4_first(pools, families):
    assert settings(pools=pools).families == families
