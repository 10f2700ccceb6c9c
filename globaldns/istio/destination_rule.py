"""The DestinationRule of a service: ranks, and how a far gateway is told whom a call is for.

Without ``outlierDetection`` istiod makes no priorities at all. A failure of the connection counts,
and a gateway's own errors; five errors of an application must not eject a gateway that stands for a
whole cluster. All of a rank may be ejected, for the next one answers. Where nobody is left in any,
``minHealthPercent`` has calls go to all: else the only gateway, away for a moment, is not tried for
the thirty seconds and more that an ejection takes. ``portLevelSettings`` inherit nothing, so each
repeats the whole policy.

Standards:
    Istio networking API: ``failoverPriority`` counts an endpoint's priority by its first mismatch
    Istio ``BuildDNSSrvSubsetKey``: ``outbound_.PORT_.SUBSET_.HOST``
    Envoy panic threshold, set by ``minHealthPercent``: no rank panics while the others have enough
"""

from __future__ import annotations

from globaldns.istio.documents import Document
from globaldns.istio.labels import RANKS, YES
from globaldns.istio.ports import RoutedPorts
from globaldns.istio.replica import CLUSTER_DOMAIN
from globaldns.model.host import Host

_POLICY: Document = {
    "loadBalancer": {
        "localityLbSetting": {
            "failoverPriority": [
                *(f"{rank}={YES}" for rank in RANKS),
                "topology.kubernetes.io/region",
                "topology.kubernetes.io/zone",
            ]
        }
    },
    "outlierDetection": {
        "splitExternalLocalOriginErrors": True,
        "consecutiveLocalOriginFailures": 5,
        "consecutiveGatewayErrors": 5,
        "consecutive5xxErrors": 0,
        "maxEjectionPercent": 100,
        "minHealthPercent": 1,
    },
}
"""All rules share it: nobody changes a document."""


def rule_spec(name: str, ports: RoutedPorts, *, sni_of: Host | None, is_public: bool) -> Document:
    """Return the ``spec`` for a host, given with its zone.

    ``sni_of``: calls name the Service of that host in the far cluster, with mutual TLS; None: they
    name what istiod makes of the host, with mutual TLS where an endpoint's labels say so.
    """
    policy = dict(_POLICY)
    if sni_of is not None:
        policy["portLevelSettings"] = [
            {"port": {"number": port.number}, **_POLICY, "tls": _tls(port.number, sni_of)}
            for port in ports.ports
        ]
    spec: Document = {"host": name}
    if is_public:
        spec["exportTo"] = ["*"]
    spec["trafficPolicy"] = policy
    return spec


def _tls(port: int, host: Host) -> Document:
    return {"mode": "ISTIO_MUTUAL", "sni": f"outbound_.{port}_._.{host}.{CLUSTER_DOMAIN}"}
