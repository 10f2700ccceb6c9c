"""What is said to those who own a cluster's DNS can be used as it stands."""

from __future__ import annotations

import json

import pytest
import yaml

from globaldns.coredns.editing import remove
from globaldns.coredns.platforms import Platform
from globaldns.coredns.stub import Stub
from globaldns.coredns.vendors import advise
from globaldns.errors import StubError
from tests.coredns.collection import ABLE, COREFILES, TWO_POLICIES, stub

TOLD = stub("global", server="10.96.0.99 fd00::99")
EKS, CCE = COREFILES["eks"], COREFILES["cce"]


@pytest.mark.parametrize("platform", Platform)
def test_every_platform_has_a_path_and_a_page(platform: Platform) -> None:
    advice = advise(platform, TOLD, EKS)
    assert advice.where
    assert advice.snippet.endswith("\n")
    assert advice.page.startswith("https://")


BOTH = pytest.mark.parametrize("told", [TOLD, TWO_POLICIES], ids=["one block", "two blocks"])


@BOTH
def test_eks_is_told_the_whole_corefile(told: Stub) -> None:
    advice = advise(Platform.EKS_ADDON, told, EKS, ABLE)
    assert "--addon-name coredns" in advice.where
    assert remove(json.loads(advice.snippet)["corefile"]) == EKS


@BOTH
def test_kops_is_told_the_whole_corefile(told: Stub) -> None:
    spec = yaml.safe_load(advise(Platform.KOPS, told, EKS, ABLE).snippet)["spec"]
    assert remove(spec["kubeDNS"]["externalCoreFile"]) == EKS


@pytest.mark.parametrize("platform", [Platform.EKS_ADDON, Platform.KOPS])
def test_who_is_told_all_of_it_must_not_lose_the_rest(platform: Platform) -> None:
    with pytest.raises(StubError) as refused:
        advise(platform, TOLD)
    assert refused.value.code == "build"


def test_cloud_dns_is_told_an_address_that_it_can_reach() -> None:
    advice = advise(Platform.GKE_AUTOPILOT, stub("mesh.example", server="10.0.0.9"))
    assert advice.snippet == (
        "gcloud dns managed-zones create globaldns-mesh-example --dns-name=mesh.example. "
        "--description=globaldns --visibility=private --networks=NETWORK "
        "--private-forwarding-targets=10.0.0.9\n"
    )
    assert "internal load balancer" in advice.note


def test_ack_takes_ipv4_only() -> None:
    document = yaml.safe_load(advise(Platform.ACK, TOLD).snippet)
    assert document["kind"] == "CustomDNSConfig"
    assert document["spec"]["zones"] == [
        {"name": "global", "forward": {"protocolStrategy": "", "upstreams": ["10.96.0.99"]}}
    ]


def test_cce_takes_stub_domains() -> None:
    snippet = json.loads(advise(Platform.CCE, TOLD).snippet)
    assert snippet == {"stub_domains": {"global": ["10.96.0.99", "fd00::99"]}}


def test_a_block_by_hand_listens_where_the_root_zone_does() -> None:
    snippet = advise(Platform.YANDEX, TOLD, CCE).snippet
    assert snippet.startswith("global:5353 {\n    bind {$POD_IP}\n    errors\n")
    both = advise(Platform.YANDEX, TWO_POLICIES, CCE, ABLE).snippet
    assert both.count("    bind {$POD_IP}\n") == both.count(":5353 {\n") == 2


def test_local_dns_sends_our_zones_to_the_clusters_coredns() -> None:
    profile = json.loads(advise(Platform.AKS_LOCAL_DNS, TOLD).snippet)
    assert profile["kubeDNSOverrides"]["global"]["forwardDestination"] == "ClusterCoreDNS"


@pytest.mark.parametrize(
    "platform", [Platform.GKE_CLOUD_DNS, Platform.ACK, Platform.CCE, Platform.AKS_LOCAL_DNS]
)
def test_who_cannot_ask_others_for_the_rest_of_a_zone_is_not_told_to(platform: Platform) -> None:
    with pytest.raises(StubError, match=r"mesh\.example") as refused:
        advise(platform, TWO_POLICIES)
    assert refused.value.code == "build"
