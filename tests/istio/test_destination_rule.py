from __future__ import annotations

from globaldns.istio.destination_rule import rule_spec
from globaldns.istio.ports import route_ports
from globaldns.model.host import Host
from tests.istio.sites import TCP
from tests.routing.meshes import HTTP

PORTS = route_ports((HTTP, TCP))
NAME = "web.shop.global"


def test_a_caller_that_names_the_far_service_says_so_for_each_port_with_the_whole_policy() -> None:
    policy = rule_spec(NAME, PORTS, sni_of=Host("web.shop"), is_public=False)["trafficPolicy"]
    levels = policy.pop("portLevelSettings")
    assert [level.pop("port") for level in levels] == [{"number": 80}, {"number": 3306}]
    assert [level.pop("tls") for level in levels] == [
        {"mode": "ISTIO_MUTUAL", "sni": f"outbound_.{port}_._.web.shop.svc.cluster.local"}
        for port in (80, 3306)
    ]
    assert levels == [policy, policy]


def test_otherwise_labels_decide_about_mutual_tls() -> None:
    spec = rule_spec(NAME, PORTS, sni_of=None, is_public=True)
    assert list(spec) == ["host", "exportTo", "trafficPolicy"]
    assert list(spec["trafficPolicy"]) == ["loadBalancer", "outlierDetection"]


def test_ranks_come_before_places_and_errors_of_applications_eject_nobody() -> None:
    policy = rule_spec(NAME, PORTS, sni_of=None, is_public=False)["trafficPolicy"]
    assert policy["loadBalancer"]["localityLbSetting"]["failoverPriority"] == [
        "globaldns.io/rank-1=y",
        "globaldns.io/rank-2=y",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    ]
    assert policy["outlierDetection"]["consecutive5xxErrors"] == 0


def test_where_all_are_ejected_all_are_tried() -> None:
    policy = rule_spec(NAME, PORTS, sni_of=None, is_public=False)["trafficPolicy"]
    detection = policy["outlierDetection"]
    assert (detection["maxEjectionPercent"], detection["minHealthPercent"]) == (100, 1)
