"""The DestinationRule of a service: ranks, and how a far gateway is told whom a call is for.

Without ``outlierDetection`` istiod makes no priorities at all. A failure of the connection counts,
and a gateway's own errors; five errors of an application must not eject a gateway that stands for a
whole cluster. All of a rank may be ejected, for the next one answers. Where nobody is left in any,
``minHealthPercent`` has calls go to all: else the only gateway, away for a moment, is not tried for
as long as its ejection takes. ``portLevelSettings`` inherit nothing, so each repeats the whole
policy.

An ejection is to outlast a restart, and hardly that. While one gateway of two is ejected that is
back already, and the other one goes, both are tried, and half of all TCP connections fail (of HTTP
requests are sent again, to the other one). But each time that a dead endpoint is tried again costs
a second of what goes to it: so long an Envoy holds back an ejection that follows a return. What
stays away leaves the route, by probes of gateways and the readiness of pods.

By default Envoys under istiod prefer who has the least under way for its weight: a gateway that
stands for many gets less than its share the more there is. Where there are gateways, near or far,
calls go round by weight instead: with the last near pod nothing changes but who is called. Pods by
themselves have what is best for them.

Standards:
    Istio networking API: ``failoverPriority`` counts an endpoint's priority by its first mismatch
    Istio ``BuildDNSSrvSubsetKey``: ``outbound_.PORT_.SUBSET_.HOST``
    Envoy panic threshold, set by ``minHealthPercent``: no rank panics while the others have enough
    Envoy ``update_merge_window``: changes of health within a second of the last one wait for it
"""

from __future__ import annotations

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
_POLICY: Document = {
    "loadBalancer": _RANKED,
    "outlierDetection": {
        "splitExternalLocalOriginErrors": True,
        # Two lost connection attempts happen on any network.
        "consecutiveLocalOriginFailures": 3,
        "consecutiveGatewayErrors": 5,
        "consecutive5xxErrors": 0,
        # Envoys look this often for whose ejection is over; at 10,000 clusters it costs nothing.
        "interval": "1s",
        # Times the ejections in a row: an Envoy restarts within the first.
        "baseEjectionTime": "4s",
        "maxEjectionPercent": 100,
        "minHealthPercent": 1,
    },
}
_BY_WEIGHT: Document = {**_POLICY, "loadBalancer": {"simple": "ROUND_ROBIN", **_RANKED}}
"""All rules share these: nobody changes a document."""


def rule_spec(
    name: str, ports: RoutedPorts, *, sni_of: Host | None, is_weighted: bool, is_public: bool
) -> Document:
    """Return the ``spec`` for a host, given with its zone.

    ``is_weighted``: the weights of its endpoints are to be kept, whatever is under way.
    ``sni_of``: calls name the Service of that host in the far cluster, with mutual TLS; None: they
    name what istiod makes of the host, with mutual TLS where an endpoint's labels say so.
    """
    shared = _BY_WEIGHT if is_weighted else _POLICY
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
