from __future__ import annotations

from typing import Any

import pytest

from globaldns.istio.destination_rule import Callees, rule_spec
from globaldns.istio.documents import Document
from globaldns.istio.ports import route_ports
from globaldns.model.host import Host
from tests.istio.sites import TCP
from tests.routing.meshes import HTTP

PORTS = route_ports((HTTP, TCP))


def spec(
    *, sni_of: Host | None = None, callees: Callees = Callees.PODS, is_public: bool = False
) -> Document:
    how = {"sni_of": sni_of, "callees": callees, "is_public": is_public}
    return rule_spec("web.shop.global", PORTS, **how)  # type: ignore[arg-type]


def policy(**how: Any) -> Document:
    made: Document = spec(**how)["trafficPolicy"]
    return made


def test_a_caller_that_names_the_far_service_says_so_for_each_port_with_the_whole_policy() -> None:
    for callees in Callees:
        made = policy(sni_of=Host("web.shop"), callees=callees)
        levels = made.pop("portLevelSettings")
        assert [level.pop("port") for level in levels] == [{"number": 80}, {"number": 3306}]
        assert [level.pop("tls") for level in levels] == [
            {"mode": "ISTIO_MUTUAL", "sni": f"outbound_.{port}_._.web.shop.svc.cluster.local"}
            for port in (80, 3306)
        ]
        assert levels == [made, made]


def test_otherwise_labels_decide_about_mutual_tls() -> None:
    made = spec(is_public=True)
    assert list(made) == ["host", "exportTo", "trafficPolicy"]
    assert list(made["trafficPolicy"]) == ["loadBalancer", "outlierDetection"]


def test_ranks_come_before_places_and_errors_of_applications_eject_nobody() -> None:
    for callees in Callees:
        made = policy(callees=callees)
        assert made["loadBalancer"]["localityLbSetting"]["failoverPriority"] == [
            "globaldns.io/rank-1=y",
            "globaldns.io/rank-2=y",
            "topology.kubernetes.io/region",
            "topology.kubernetes.io/zone",
        ]
        assert made["outlierDetection"]["consecutive5xxErrors"] == 0


def test_where_all_are_ejected_all_are_tried() -> None:
    detection = policy()["outlierDetection"]
    assert (detection["maxEjectionPercent"], detection["minHealthPercent"]) == (100, 1)


@pytest.mark.parametrize(
    ("callees", "seconds"),
    [(Callees.PODS, "60s"), (Callees.PODS_FIRST, "60s"), (Callees.GATEWAYS, "4s")],
)
def test_a_dead_pod_is_not_tried_for_a_while_and_a_gateway_that_is_back_soon(
    callees: Callees, seconds: str
) -> None:
    detection = policy(callees=callees)["outlierDetection"]
    assert (detection["interval"], detection["baseEjectionTime"]) == ("1s", seconds)


def test_weights_are_kept_where_they_stand_for_many_and_others_are_istiods_to_balance() -> None:
    for callees in (Callees.PODS_FIRST, Callees.GATEWAYS):
        assert policy(callees=callees)["loadBalancer"]["simple"] == "ROUND_ROBIN"
    assert "simple" not in policy(callees=Callees.PODS)["loadBalancer"]
