"""A ServiceEntry into exports: one per host that lies in a served zone.

An entry whose endpoints all lead to gateways is a *route*, written by hand on the client's side: it
pins the VIP, and contributes no endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from globaldns.config.schema import IstioAddresses
from globaldns.exports.addresses import plain_addresses
from globaldns.exports.context import Context
from globaldns.exports.entry_ports import EntryPorts
from globaldns.exports.keeping import Store
from globaldns.exports.marks import annotated_pins
from globaldns.exports.ownership import refuse_host
from globaldns.exports.problem import Problem
from globaldns.exports.rules import ExportRules
from globaldns.exports.workloads import Numbers, own_numbers, selected_endpoints, workload_endpoint
from globaldns.model.address import Address, is_address, one_text, parse_address
from globaldns.model.export import (
    Endpoint,
    Export,
    ExportKind,
    Origin,
    Resolution,
)
from globaldns.model.host import Host, fold, split_zone
from globaldns.objects.istio import ServiceEntry, WorkloadEntrySpec

MULTICLUSTER_PORT = 15443
"""Where Istio's gateways take traffic of other clusters (AUTO_PASSTHROUGH)."""


def served_hosts(entry: ServiceEntry, zones: tuple[str, ...]) -> Iterator[tuple[int, Host, str]]:
    """Yield place, host and zone of the hosts of an entry that lie in a served zone.

    Nobody asks us about the others.
    """
    for position, name in enumerate(entry.spec.hosts):
        found = split_zone(fold(name), zones)
        if found is not None:
            yield position, *found


def allowed_zones(
    entry: ServiceEntry, context: Context
) -> tuple[dict[Host, tuple[str, ...]], list[Problem]]:
    """Return the zones of every host that an entry may export, and why not the others."""
    rules = context.rules
    zones_by_host: dict[Host, tuple[str, ...]] = {}
    problems = []
    for position, host, zone in served_hosts(entry, rules.zones):
        problem = refuse_host(
            host,
            zone,
            namespace=entry.metadata.namespace,
            position=position,
            rules=rules,
        )
        if problem is not None:
            problems.append(problem)
        else:
            zones_by_host[host] = _add_zone(zones_by_host.get(host, ()), zone, context)
    return zones_by_host, problems


def _add_zone(zones: tuple[str, ...], zone: str, context: Context) -> tuple[str, ...]:
    served = context.rules.zones
    if len(served) == 1:
        return served
    return context.shared.share(tuple(known for known in served if known in {*zones, zone}))


def export_entry(
    entry: ServiceEntry, ports: EntryPorts, origin: Origin, *, store: Store, context: Context
) -> tuple[list[Export], list[Problem]]:
    """Return the exports of an entry, and what keeps hosts of it from being exported."""
    zones_by_host, problems = allowed_zones(entry, context)
    if not zones_by_host:
        return [], problems
    spec = entry.spec
    endpoints = _endpoints(entry, ports.numbers, store=store, context=context)
    pins, created_at = pins_of(entry), entry.metadata.created_at
    exports = [
        Export(
            cluster=context.rules.cluster,
            host=host,
            kind=ExportKind.SERVICE_ENTRY if endpoints is not None else ExportKind.ROUTE,
            origin=origin,
            created_at=created_at,
            zones=zones,
            ports=ports.ports,
            pins=pins,
            local_addresses=_allocated(entry, host, zones) if entry.status else (),
            endpoints=endpoints or (),
            resolution=spec.resolution,
            location=spec.location,
            subject_alt_names=context.shared.share(spec.subject_alt_names),
        )
        for host, zones in zones_by_host.items()
    ]
    problems += ports.warnings
    return exports, problems


def pins_of(entry: ServiceEntry) -> tuple[Address, ...]:
    """Return the addresses that a person wrote into an entry; a NONE entry is never answered.

    Raises:
        InvalidObject: the annotation has something that is no address.
    """
    annotated = annotated_pins(entry.metadata)
    if entry.spec.resolution is Resolution.NONE:
        return ()
    written = entry.spec.addresses
    return (plain_addresses(written) if written else ()) or annotated


def forget_allocation(entry: ServiceEntry, rules: ExportRules) -> ServiceEntry:
    """Return an entry without Istio's own allocation where nobody wants it."""
    if entry.status is None or rules.exports.istio_addresses is IstioAddresses.LOCAL:
        return entry
    return msgspec.structs.replace(entry, status=None)


def leads_away(workload: WorkloadEntrySpec, numbers: Numbers, context: Context) -> bool:
    """Whether an inline endpoint is a gateway, or stands behind one."""
    return (
        one_text(workload.address) in context.gateways
        or bool(workload.network and context.network and workload.network != context.network)
        or MULTICLUSTER_PORT in dict(numbers).values()
    )


def _endpoints(
    entry: ServiceEntry, numbers: Numbers, *, store: Store, context: Context
) -> tuple[Endpoint, ...] | None:
    """Return the endpoints in this cluster; None for a route, which has all of them elsewhere."""
    spec = entry.spec
    if spec.workload_selector is not None:
        return selected_endpoints(
            spec.workload_selector.labels,
            numbers,
            namespace=entry.metadata.namespace,
            store=store,
            context=context,
        )
    found, is_route = [], bool(spec.endpoints)
    for workload in spec.endpoints:
        own = own_numbers(workload, numbers)
        if not leads_away(workload, own, context):
            is_route = False
            if workload.address:
                found.append(workload_endpoint(workload, own, context))
    return None if is_route else tuple(found)


def _allocated(entry: ServiceEntry, host: Host, zones: tuple[str, ...]) -> tuple[Address, ...]:
    """Return Istio's own allocation for a host, which is there only if it is wanted."""
    if not entry.status or entry.spec.addresses:
        return ()
    names = {"", *(f"{host}.{zone}" for zone in zones)}
    return tuple(
        dict.fromkeys(
            parse_address(allocated.value)
            for allocated in entry.status.addresses
            if fold(allocated.host) in names and is_address(allocated.value)
        )
    )
