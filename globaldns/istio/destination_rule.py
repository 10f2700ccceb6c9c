"""The DestinationRule of a service: ranks, and how a far gateway is told whom a call is for.

Without ``outlierDetection`` istiod makes no priorities at all. A failure of the connection counts,
and a gateway's own errors; five errors of an application must not eject a gateway that stands for a
whole cluster. All of a rank may be ejected, for the next one answers. Where nobody is left in any,
``minHealthPercent`` has calls go to all: else the only gateway, away for a moment, is not tried for
as long as its ejection takes. ``portLevelSettings`` inherit nothing, so each repeats the whole
policy.

Each time that a dead endpoint is tried again costs a second of what goes to it: so long an Envoy
holds back an ejection that follows a return. So near pods stay ejected until their node is told to
be lost, a minute at most: others answer meanwhile. Where gateways alone are called an ejection is
to outlast a restart, and hardly that: while one of two is ejected that is back already, and the
other one goes, both are tried, and half of all TCP connections fail (of HTTP requests are sent
again, to the other one). What stays away leaves the route, by probes of gateways and the readiness
of pods.

By default Envoys under istiod prefer who has the least under way for its weight: a gateway that
stands for many gets less than its share the more there is. Where there are gateways, near or far,
calls go round by weight instead: with the last near pod nothing changes but who is called. Pods by
themselves have what is best for them.

Standards:
    Istio networking API: ``failoverPriority`` counts an endpoint's priority by its first mismatch
    Istio ``BuildDNSSrvSubsetKey``: ``outbound_.PORT_.SUBSET_.HOST``
    Envoy panic threshold, set by ``minHealthPercent``: no rank panics while the others have enough
    Envoy ``update_merge_window``: changes of health within a second of the last one wait for it
    kube-controller-manager ``--node-monitor-grace-period``: 50 s, 40 s before Kubernetes 1.32
"""

from __future__ import annotations

from enum import Enum, auto

from globaldns.istio.documents import Document
from globaldns.istio.labels import RANKS, YES
from globaldns.istio.ports import RoutedPorts
from globaldns.istio.replica import CLUSTER_DOMAIN
from globaldns.model.host import Host

_RANKED: Document = {
    "localityLbSetting": {
        "failoverPriority": [
            *(f"{rank}={YES}" for rank in RANKS),
            "topology.kubernetes.io/region",
            "topology.kubernetes.io/zone",
        ]
    }
}
_EJECTION: Document = {
    "splitExternalLocalOriginErrors": True,
    # Two lost connection attempts happen on any network.
    "consecutiveLocalOriginFailures": 3,
    "consecutiveGatewayErrors": 5,
    "consecutive5xxErrors": 0,
    # Envoys look this often for whose ejection is over; at 10,000 clusters it costs nothing.
    "interval": "1s",
    # Times the ejections in a row.
    "baseEjectionTime": "60s",
    "maxEjectionPercent": 100,
    "minHealthPercent": 1,
}
_BY_WEIGHT: Document = {"simple": "ROUND_ROBIN", **_RANKED}


class Callees(Enum):
    """Whom calls go to."""

    PODS = auto()
    """Pods by themselves."""
    PODS_FIRST = auto()
    """Pods of the own cluster, and what is behind gateways when nobody is left."""
    GATEWAYS = auto()
    """Gateways, above all."""


_POLICIES: dict[Callees, Document] = {
    Callees.PODS: {"loadBalancer": _RANKED, "outlierDetection": _EJECTION},
    Callees.PODS_FIRST: {"loadBalancer": _BY_WEIGHT, "outlierDetection": _EJECTION},
    Callees.GATEWAYS: {
        "loadBalancer": _BY_WEIGHT,
        "outlierDetection": {**_EJECTION, "baseEjectionTime": "4s"},
    },
}
"""All rules share these: nobody changes a document."""


def rule_spec(
    name: str, ports: RoutedPorts, *, sni_of: Host | None, callees: Callees, is_public: bool
) -> Document:
    """Return the ``spec`` for a host, given with its zone.

    ``sni_of``: calls name the Service of that host in the far cluster, with mutual TLS; None: they
    name what istiod makes of the host, with mutual TLS where an endpoint's labels say so.
    """
    shared = _POLICIES[callees]
    policy = dict(shared)
    if sni_of is not None:
        policy["portLevelSettings"] = [
            {"port": {"number": port.number}, **shared, "tls": _tls(port.number, sni_of)}
            for port in ports.ports
        ]
    spec: Document = {"host": name}
    if is_public:
        spec["exportTo"] = ["*"]
    spec["trafficPolicy"] = policy
    return spec


def _tls(port: int, host: Host) -> Document:
    return {"mode": "ISTIO_MUTUAL", "sni": f"outbound_.{port}_._.{host}.{CLUSTER_DOMAIN}"}
