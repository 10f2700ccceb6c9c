"""A cluster's gateways: labelled Services, or what its configuration says.

Standards:
    Istio serviceregistry/kube/controller ``network.go``: label, port, addresses
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from globaldns.config.gateways import HINT, find_fault
from globaldns.exports import marks
from globaldns.exports.problem import Problem, warning
from globaldns.exports.rules import ExportRules
from globaldns.exports.service_entry import MULTICLUSTER_PORT
from globaldns.model.export import Gateway, GatewayService
from globaldns.objects.kubernetes import Service


def gateways_by_hand(rules: ExportRules, network: str) -> tuple[Gateway, ...]:
    """Return the gateways that the configuration names."""
    return tuple(
        sorted(
            Gateway(network, gateway.address, gateway.port, rules.cluster)
            for gateway in rules.gateways
        )
    )


def read_gateway(service: Service, rules: ExportRules) -> GatewayService | None:
    """Return a labelled Service with its gateways; None: it has no label, which names a network.

    Where its port or address is not known there are none; an address at which none can be is none.
    """
    metadata, port = service.metadata, _port(service)
    network = metadata.labels.get(marks.NETWORK)
    if not network:
        return None
    found = GatewayService(metadata.namespace, metadata.name, network)
    if port is None:
        return found
    addresses = (one for one in _addresses(service) if not find_fault(one, rules.pools))
    gateways = (Gateway(network, address, port, rules.cluster) for address in addresses)
    return replace(found, gateways=tuple(gateways))


def keep_last(found: GatewayService, service: Service, last: Iterable[Gateway]) -> GatewayService:
    """Return a labelled Service that has lost its address with the gateways that it was last.

    Where it has one, or another port or network by now, it is none of these any more.
    """
    if found.gateways or _addresses(service):
        return found
    here = (found.network, _port(service))
    return replace(found, gateways=tuple(one for one in last if (one.network, one.port) == here))


def warn_gateway(
    service: Service, rules: ExportRules, known: GatewayService | None
) -> Iterator[Problem]:
    """Yield why a labelled Service, or an address of it, cannot be used as a gateway.

    ``known``: what it counts as; None: it is no gateway.
    """
    if known is None:
        return
    if _port(service) is None:
        yield warning(
            "gateway-port",
            "$.spec.ports",
            f"a gateway of a network needs port {MULTICLUSTER_PORT}",
            f"add the port, or name another with the label {marks.GATEWAY_PORT}",
        )
    if not _addresses(service) and not rules.gateways:
        yield _warn_address(known, rules.cluster)
    for fault in filter(None, (find_fault(one, rules.pools) for one in _addresses(service))):
        reason = f"an address of this gateway is left out: {fault}"
        yield warning("gateway-address", "$.status.loadBalancer", reason, HINT)


def _warn_address(known: GatewayService, cluster: str) -> Problem:
    last = ", ".join(gateway.address for gateway in known.gateways)
    reason = (
        f"this gateway has no address now: the last that it had, {last}, counts"
        if last
        else f"this gateway has no address: it is no way into {known.network} until it has one"
    )
    hint = f"see why its load balancer has none, or write clusters.{cluster}.gateways"
    return warning("gateway-address", "$.status.loadBalancer", reason, hint)


def _addresses(service: Service) -> list[str]:
    """Return where a Service is reached from outside: IP addresses and names, sorted."""
    ingress = service.status.load_balancer.ingress
    addresses = {one.ip or one.hostname for one in ingress} | {*service.spec.external_ips}
    return sorted(addresses - {""})


def _port(service: Service) -> int | None:
    """Return the port for traffic of other clusters, if the Service has it."""
    wanted = service.metadata.labels.get(marks.GATEWAY_PORT, str(MULTICLUSTER_PORT))
    return next((port.port for port in service.spec.ports if str(port.port) == wanted), None)
