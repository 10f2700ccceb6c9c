"""What Istio refuses of a ServiceEntry because of its ``resolution``.

Standards:
    Istio pkg/config/validation ``ValidateServiceEntry``, the switch over ``Resolution``
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from globaldns.exports.problem import Problem
from globaldns.exports.workload_validation import UNIX, refuse_workload
from globaldns.model.address import is_address
from globaldns.model.export import Resolution
from globaldns.objects.istio import ServiceEntrySpec, WorkloadEntrySpec

_LABEL = "[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_FQDN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_BY_NAME = frozenset({Resolution.DNS, Resolution.DNS_ROUND_ROBIN})
_WITH_ENDPOINTS = _BY_NAME | {Resolution.STATIC}
_DYNAMIC = frozenset({"HTTP", "HTTP2", "GRPC", "TLS"})
"""What Envoy's dynamic forward proxy serves."""


def are_plain(endpoints: tuple[WorkloadEntrySpec, ...]) -> bool:
    """Whether STATIC endpoints are IP addresses and nothing else that a rule looks at.

    As most are: it spares them the rules.
    """
    for endpoint in endpoints:
        if endpoint.ports or endpoint.weight or not is_address(endpoint.address):
            return False
    return True


def refuse_resolution(spec: ServiceEntrySpec) -> Iterator[Problem]:
    """Yield what does not go with the resolution, and what is wrong with the endpoints."""
    if spec.endpoints:
        yield from _refuse_endpoints(spec)
    if spec.resolution is Resolution.DYNAMIC_DNS:
        yield from _refuse_dynamic(spec)
    elif spec.resolution in _BY_NAME:
        yield from _refuse_dns(spec)


def _refuse_endpoints(spec: ServiceEntrySpec) -> Iterator[Problem]:
    if spec.resolution is Resolution.NONE:
        yield Problem(
            "none-endpoints",
            "$.spec.endpoints",
            "resolution NONE takes no endpoints",
            "say resolution: STATIC or DNS",
        )
    for index, endpoint in enumerate(spec.endpoints):
        path = f"$.spec.endpoints[{index}]"
        yield from refuse_workload(endpoint, path)
        yield from _refuse_undeclared(spec, endpoint, path)
        if spec.resolution in _WITH_ENDPOINTS:
            yield from _refuse_address(spec, endpoint, path)


def _refuse_undeclared(
    spec: ServiceEntrySpec, endpoint: WorkloadEntrySpec, path: str
) -> Iterator[Problem]:
    for name in endpoint.ports.keys() - {port.name for port in spec.ports}:
        yield Problem(
            "endpoint-port",
            f"{path}.ports.{name}",
            f"port {name!r} is not declared in spec.ports",
        )


def _refuse_address(
    spec: ServiceEntrySpec, endpoint: WorkloadEntrySpec, path: str
) -> Iterator[Problem]:
    address = endpoint.address
    if spec.resolution is Resolution.STATIC:
        if address.startswith(UNIX):
            if len(spec.ports) != 1:
                yield Problem("unix-ports", path, "a unix socket serves exactly one port")
        elif address and not is_address(address):
            yield Problem(
                "static-endpoint",
                f"{path}.address",
                f"{address!r} is neither an IP address nor a unix socket",
                "say resolution: DNS",
            )
    elif not is_address(address) and not _FQDN.fullmatch(address):
        yield Problem(
            "dns-endpoint",
            f"{path}.address",
            f"{address!r} is neither a DNS name nor an IP address",
        )


def _refuse_dns(spec: ServiceEntrySpec) -> Iterator[Problem]:
    if not spec.endpoints:
        for index, host in enumerate(spec.hosts):
            if host.startswith("*"):
                yield Problem(
                    "dns-wildcard",
                    f"$.spec.hosts[{index}]",
                    f"{host!r} cannot be looked up: it is a wildcard, and there are no endpoints",
                    "add endpoints, or say resolution: NONE",
                )
    if spec.resolution is Resolution.DNS_ROUND_ROBIN and len(spec.endpoints) > 1:
        yield Problem(
            "round-robin-endpoints",
            "$.spec.endpoints",
            f"DNS_ROUND_ROBIN takes one endpoint, not {len(spec.endpoints)}",
            "say resolution: DNS",
        )


def _refuse_dynamic(spec: ServiceEntrySpec) -> Iterator[Problem]:
    for index, host in enumerate(spec.hosts):
        if not host.startswith("*"):
            yield Problem(
                "dynamic-dns",
                f"$.spec.hosts[{index}]",
                f"{host!r} is no wildcard, and DYNAMIC_DNS takes nothing else",
                "say resolution: DNS",
            )
    for name, present in (("addresses", spec.addresses), ("endpoints", spec.endpoints)):
        if present:
            yield Problem("dynamic-dns", f"$.spec.{name}", f"DYNAMIC_DNS takes no {name}")
    for index, port in enumerate(spec.ports):
        if port.protocol.upper() not in _DYNAMIC:
            yield Problem(
                "dynamic-dns",
                f"$.spec.ports[{index}].protocol",
                f"DYNAMIC_DNS takes {', '.join(sorted(_DYNAMIC))}, not {port.protocol!r}",
            )
