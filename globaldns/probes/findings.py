"""What is wrong with gateways, for ``check`` and its like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from globaldns.config.gateways import HINT
from globaldns.model.export import Gateway
from globaldns.model.finding import Finding, Severity
from globaldns.model.reach import GatewayState, Reach


def gateway_findings(reach: Mapping[Gateway, Reach]) -> Iterator[Finding]:
    """Yield a finding for every gateway that is down, and for every name that leads astray."""
    for gateway, one in sorted(reach.items(), key=lambda item: item[0]):
        place = f"{gateway.address} port {gateway.port}"
        if one.state is GatewayState.DOWN:
            yield Finding(
                severity=Severity.WARNING,
                code="gateway-down",
                reason=f"its gateway of {gateway.network or 'its network'}, {place}, does not "
                f"answer{_doubt(one)}: {one.reason}",
                hint="look at the gateway's pods and load balancer, and at firewalls between",
                cluster=gateway.cluster,
            )
        elif one.down:
            dead = "; ".join(f"{address}: {reason}" for address, reason in one.down.items())
            yield Finding(
                severity=Severity.WARNING,
                code="gateway-address-down",
                reason=f"of its gateway {place} not every address answers: {dead}",
                hint="look at the load balancer's health checks, and at firewalls between",
                cluster=gateway.cluster,
            )
        if one.unresolved:
            kept = f"{', '.join(one.addresses)} stay" if one.addresses else "it has no address"
            yield Finding(
                severity=Severity.WARNING,
                code="gateway-unresolved",
                reason=f"the name of its gateway, {gateway.address}, cannot be looked up: "
                f"{one.unresolved}: {kept}",
                hint="correct the gateway's name, or name resolvers in routing.probes.resolvers",
                cluster=gateway.cluster,
            )
        if one.left_out:
            yield Finding(
                severity=Severity.WARNING,
                code="gateway-address",
                reason=f"the name of its gateway, {gateway.address}, has addresses that are left "
                f"out: {', '.join(one.left_out)}",
                hint=HINT,
                cluster=gateway.cluster,
            )


def _doubt(reach: Reach) -> str:
    """Return what is said of one in whose network nothing answers."""
    return ", nor does any other there, so that routes go on by it" if reach.doubted else ""
