"""A cluster's gateways: labelled Services, or what its configuration says.

Standards:
    Istio serviceregistry/kube/controller ``network.go``: label, port, addresses
"""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.config.gateways import HINT, find_fault
from globaldns.exports import marks
from globaldns.exports.problem import Problem, warning
from globaldns.exports.rules import ExportRules
from globaldns.exports.service_entry import MULTICLUSTER_PORT
from globaldns.model.export import Gateway
from globaldns.objects.kubernetes import Service


def is_gateway(service: Service) -> bool:
    """Whether a Service is the way into a network."""
    return marks.NETWORK in service.metadata.labels


def gateways_by_hand(rules: ExportRules, network: str) -> tuple[Gateway, ...]:
    """Return the gateways that the configuration names."""
    return tuple(
        sorted(
            Gateway(network, gateway.address, gateway.port, rules.cluster)
            for gateway in rules.gateways
        )
    )


def gateways_of(service: Service, rules: ExportRules) -> tuple[Gateway, ...]:
    """Return the gateways that a labelled Service is; none where its port or address is unknown.

    An address at which no gateway can be is none.
    """
    network = service.metadata.labels.get(marks.NETWORK)
    port = _port(service)
    if not network or port is None:
        return ()
    return tuple(
        Gateway(network, address, port, rules.cluster)
        for address in _addresses(service)
        if not find_fault(address, rules.pools)
    )


def warn_gateway(service: Service, rules: ExportRules) -> Iterator[Problem]:
    """Yield why a labelled Service, or an address of it, cannot be used as a gateway."""
    if not is_gateway(service):
        return
    if _port(service) is None:
        yield warning(
            "gateway-port",
            "$.spec.ports",
            f"a gateway of a network needs port {MULTICLUSTER_PORT}",
            f"add the port, or name another with the label {marks.GATEWAY_PORT}",
        )
    for fault in filter(None, (find_fault(one, rules.pools) for one in _addresses(service))):
        reason = f"an address of this gateway is left out: {fault}"
        yield warning("gateway-address", "$.status.loadBalancer", reason, HINT)


def _addresses(service: Service) -> list[str]:
    """Return where a Service is reached from outside: IP addresses and names, sorted."""
    ingress = service.status.load_balancer.ingress
    addresses = {one.ip or one.hostname for one in ingress} | {*service.spec.external_ips}
    return sorted(addresses - {""})


def _port(service: Service) -> int | None:
    """Return the port for traffic of other clusters, if the Service has it."""
    wanted = service.metadata.labels.get(marks.GATEWAY_PORT, str(MULTICLUSTER_PORT))
    return next((port.port for port in service.spec.ports if str(port.port) == wanted), None)
