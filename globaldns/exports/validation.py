"""ServiceEntries as Istio's webhook judges them: what it refuses and what it warns of.

Every rule tells all that it finds. What ``refusals`` returns changes nothing that is served;
``warnings`` are asked only for entries that have a host in a served zone.

Standards:
    Istio pkg/config/validation ``ValidateServiceEntry``; the CRD's limits and rules
    RFC 1123 section 2.1    labels
    SPIFFE-ID section 2     trust domain and path
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from globaldns.errors import InvalidAddress
from globaldns.exports.addresses import parse_range
from globaldns.exports.entry_ports import PORT_NAME, EntryPorts, read_ports
from globaldns.exports.problem import Problem, warning
from globaldns.exports.protocols import TCP
from globaldns.exports.resolution_validation import are_plain, refuse_resolution
from globaldns.exports.workload_validation import warn_workload
from globaldns.model.export import HTTP, TLS, Resolution
from globaldns.objects.istio import ServiceEntry, ServiceEntrySpec, WorkloadSelector

MAX_HOSTS = 256
MAX_ADDRESSES = 256
MAX_PORTS = 256
MAX_ENDPOINTS = 4096
"""All four are the CRD's."""
_MAX_NAME = 255

_LABEL = "[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_NO_NUMBER = r"(?!\d+\.?\Z)"
"""The last label is no number: the name would be taken for an address."""
_HOST = re.compile(rf"(?:\*|(?:\*-?)?{_NO_NUMBER}{_LABEL})(?:\.{_NO_NUMBER}{_LABEL})*\.?")
_SEGMENT = r"/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
_SPIFFE = re.compile(rf"spiffe://[a-z0-9._-]{{1,255}}(?:{_SEGMENT})+")
_BY_NAME = frozenset({Resolution.DNS, Resolution.DNS_ROUND_ROBIN})
_EVERYWHERE = frozenset({"*", "~"})


def refusals(entry: ServiceEntry) -> list[Problem]:
    """Return all that Istio refuses of an entry."""
    spec = entry.spec
    problems = [
        _refuse_host(index, host) for index, host in enumerate(spec.hosts) if not is_host(host)
    ]
    if not _has_allowed_sizes(spec):
        problems += _refuse_sizes(spec)
    if spec.addresses:
        problems += _refuse_addresses(spec)
    problems += read_ports(spec.ports).refusals
    if spec.resolution is not Resolution.STATIC or not are_plain(spec.endpoints):
        problems += refuse_resolution(spec)
    if len(spec.hosts) > 1 and spec.resolution is not Resolution.NONE:
        problems += _refuse_shared_ports(spec)
    if spec.workload_selector is not None:
        problems += _refuse_selector(spec.workload_selector, spec)
    if spec.export_to:
        problems += _refuse_export_to(spec.export_to, entry.metadata.namespace)
    return problems


def warnings(entry: ServiceEntry, ports: EntryPorts) -> list[Problem]:
    """Return what Istio accepts with a warning."""
    spec = entry.spec
    selector = spec.workload_selector
    problems = [
        _warn_wildcard(index, host)
        for index, host in enumerate(spec.hosts)
        if host[0] == "*" and host[1:2] != "." and spec.resolution is not Resolution.DYNAMIC_DNS
    ]
    if selector is not None and not selector.labels:
        problems.append(
            warning(
                "selector-empty",
                "$.spec.workloadSelector",
                "a selector without labels takes every workload of the namespace",
                "name the labels of the workloads",
            )
        )
    is_shared = len(spec.hosts) > 1 and bool(spec.addresses)
    if is_shared and spec.resolution in _BY_NAME and ports.protocols & TCP:
        problems.append(_warn_shared(spec))
    for index, endpoint in enumerate(spec.endpoints):
        if endpoint.locality or endpoint.service_account:
            problems += warn_workload(endpoint, f"$.spec.endpoints[{index}]")
    problems += (
        _warn_identity(index, text)
        for index, text in enumerate(spec.subject_alt_names)
        if text.lower().startswith("spiffe:") and not _SPIFFE.fullmatch(text)
    )
    return problems


def is_host(name: str) -> bool:
    """Whether Istio takes a name for a host (``ValidateWildcardDomain``)."""
    return len(name) <= _MAX_NAME and name != "*" and _HOST.fullmatch(name) is not None


def _has_allowed_sizes(spec: ServiceEntrySpec) -> bool:
    return (
        1 <= len(spec.hosts) <= MAX_HOSTS
        and len(spec.addresses) <= MAX_ADDRESSES
        and len(spec.ports) <= MAX_PORTS
        and len(spec.endpoints) <= MAX_ENDPOINTS
    )


def _refuse_sizes(spec: ServiceEntrySpec) -> Iterator[Problem]:
    if not spec.hosts:
        yield Problem("no-hosts", "$.spec.hosts", "has no hosts", "name at least one host")
    for name, size, most in (
        ("hosts", len(spec.hosts), MAX_HOSTS),
        ("addresses", len(spec.addresses), MAX_ADDRESSES),
        ("ports", len(spec.ports), MAX_PORTS),
        ("endpoints", len(spec.endpoints), MAX_ENDPOINTS),
    ):
        if size > most:
            reason = f"has {size} {name}, {most} are allowed"
            yield Problem("too-many", f"$.spec.{name}", reason, f"leave out {size - most} of them")


def _refuse_host(index: int, host: str) -> Problem:
    octets = len(host.encode())
    reason = f"{host!r} is no host"
    if octets > _MAX_NAME:
        reason = f"{host[:40]!r}… has {octets} octets, a host may have {_MAX_NAME}"
    return Problem(
        "host-name",
        f"$.spec.hosts[{index}]",
        reason,
        "a DNS name, of which the first label may be or begin with *",
    )


def _refuse_addresses(spec: ServiceEntrySpec) -> Iterator[Problem]:
    takes_ranges = spec.resolution in {Resolution.NONE, Resolution.STATIC}
    for index, text in enumerate(spec.addresses):
        path = f"$.spec.addresses[{index}]"
        try:
            parse_range(text)
        except InvalidAddress:
            yield Problem("address", path, f"{text!r} is neither an IP address nor a CIDR")
            continue
        if "/" in text and not takes_ranges:
            yield Problem(
                "cidr-resolution",
                path,
                f"{text!r} is a CIDR, which resolution {spec.resolution.value} does not take",
                "write the address without a prefix length",
            )


def _refuse_shared_ports(spec: ServiceEntrySpec) -> Iterator[Problem]:
    for index, port in enumerate(spec.ports):
        if port.protocol.upper() not in HTTP | TLS:
            yield Problem(
                "hosts-protocol",
                f"$.spec.ports[{index}].protocol",
                f"{len(spec.hosts)} hosts share a port that is neither HTTP nor TLS",
                "write an entry per host",
            )


def _refuse_selector(selector: WorkloadSelector, spec: ServiceEntrySpec) -> Iterator[Problem]:
    if spec.endpoints:
        yield Problem(
            "selector-endpoints",
            "$.spec.workloadSelector",
            "has a selector and endpoints",
            "keep one of the two",
        )
    for name, value in selector.labels.items():
        if not name or "*" in name or "*" in value:
            yield Problem(
                "selector-label",
                "$.spec.workloadSelector.labels",
                f"{name!r}: {value!r} is no label",
                "labels have names, and no wildcards",
            )


def _refuse_export_to(targets: tuple[str, ...], namespace: str) -> Iterator[Problem]:
    path = "$.spec.exportTo"
    named = [namespace if target == "." else target for target in targets]
    if len(set(named)) < len(named):
        yield Problem("export-to", path, "names a namespace twice")
    if len(named) > 1 and not _EVERYWHERE.isdisjoint(named):
        yield Problem("export-to", path, "* and ~ stand alone")
    for target in named:
        if target not in _EVERYWHERE and not PORT_NAME.fullmatch(target):
            yield Problem("export-to", path, f"{target!r} is no namespace, and neither . * nor ~")


def _warn_identity(index: int, text: str) -> Problem:
    return warning(
        "subject-alt-name",
        f"$.spec.subjectAltNames[{index}]",
        f"{text!r} is no SPIFFE id: no workload has it",
        "write it like spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT",
    )


def _warn_wildcard(index: int, host: str) -> Problem:
    return warning(
        "partial-wildcard",
        f"$.spec.hosts[{index}]",
        f"{host!r} is a partial wildcard, which matches in few places",
        "use * as a whole label",
    )


def _warn_shared(spec: ServiceEntrySpec) -> Problem:
    return warning(
        "shared-address",
        "$.spec.addresses",
        f"{len(spec.hosts)} hosts share an address and a TCP port",
        "write an entry per host",
    )
