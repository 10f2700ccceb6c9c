"""Building reports from the mesh's values; pure, and safe in a thread on a snapshot's services."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from globaldns.admin.reports import (
    ConflictList,
    ConflictReport,
    ContributionReport,
    DigestReport,
    PortReport,
    ServicePage,
    ServiceReport,
)
from globaldns.admin.selection import Selection, select, service_names
from globaldns.errors import RequestRefused
from globaldns.model.address import Address, Prefix, format_address
from globaldns.model.claim import Claim, format_time
from globaldns.model.export import Export
from globaldns.model.host import Host, check_host, fold, split_zone
from globaldns.model.lost import Standing
from globaldns.model.service import Conflict, Service
from globaldns.model.snapshot import Snapshot
from globaldns.registry.claims import Claims
from globaldns.registry.digest import digest

Unwritten = Mapping[Host, tuple[Address, ...]]
"""Hosts that have a number which is not remembered yet."""


def collect_unwritten(claims: Iterable[Claim]) -> Unwritten:
    """Return the addresses of claims that wait for the ledger, by host."""
    addresses: dict[Host, tuple[Address, ...]] = {}
    for claim in claims:
        if not claim.is_retired:
            known = addresses.get(claim.host, ())
            if claim.vip not in known:  # a claim of each cluster that has the host
                addresses[claim.host] = (*known, claim.vip)
    return addresses


def report_page(
    services: Mapping[Host, Service], selection: Selection, claims: Claims, unwritten: Unwritten
) -> ServicePage:
    """Return one page of services."""
    page, more = select(services, selection)
    return ServicePage(
        items=tuple(report_service(service, claims, unwritten) for service in page), next=more
    )


def parse_name(name: str, zones: Iterable[str]) -> tuple[Host, str]:
    """Return the host that a person writes, and its zone; empty where they wrote none.

    Raises:
        InvalidHost: it cannot be a host.
    """
    folded = fold(name)
    host, zone = split_zone(folded, zones) or (Host(folded), "")
    check_host(host, zone)
    return host, zone


def find_service(services: Mapping[Host, Service], name: str, zones: Sequence[str]) -> Service:
    """Return the service of exactly this host, written with or without its zone.

    Raises:
        InvalidHost: the text cannot be a host.
        RequestRefused: there is no such service.
    """
    host, zone = parse_name(name, zones)
    service = services.get(host)
    if service is None:
        raise RequestRefused(f"there is no service {host}", hint=_suggest(host, services))
    if zone and zone not in service.zones:
        hint = f"it is in {', '.join(service.zones)}" if service.zones else ""
        raise RequestRefused(f"{host} is not in zone {zone}", hint=hint)
    return service


def _suggest(host: Host, services: Container[Host]) -> str:
    """Return what to ask for instead of a host that is no service."""
    for wildcard in _wildcards_above(host):
        if wildcard in services:
            return f"a wildcard is a service of its own: ask for {wildcard}"
    return "a listing with a glob shows which hosts there are, like *.bookinfo"


def _wildcards_above(host: Host) -> Iterator[Host]:
    """Yield the wildcards that could cover a name, nearest first (RFC 4592 section 2.1.1)."""
    labels = host.split(".")
    for depth in range(1, len(labels) + 1):
        yield Host(".".join(("*", *labels[depth:])))


def report_service(service: Service, claims: Claims, unwritten: Unwritten) -> ServiceReport:
    """Return a service as the API shows it."""
    held = [claim.allocated_at for claim in claims.held(service.host) if claim.vip in service.vips]
    contributions = tuple(
        report_contribution(export, service.standing(export.cluster))
        for export in service.contributions
    )
    counting = [one for one in contributions if one.standing != Standing.DROPPED]
    pending = unwritten.get(service.host, ())
    return ServiceReport(
        host=service.host,
        names=service_names(service),
        state=service.state,
        rule=service.rule,
        vips=format_addresses(service.vips),
        would_get=() if {*pending} <= {*service.vips} else format_addresses(pending),
        clusters=service.clusters,
        endpoints=sum(one.endpoints for one in counting),
        ready=sum(one.ready for one in counting),
        ports=tuple(
            PortReport(number=p.number, name=p.name, protocol=p.protocol, transport=p.transport)
            for p in service.ports
        ),
        allocated_at=format_time(min(held)) if held else None,
        changed_at=format_time(service.changed_at),
        contributions=contributions,
        conflicts=tuple(map(report_conflict, service.conflicts)),
    )


def report_contribution(
    export: Export, standing: Standing = Standing.COUNTED
) -> ContributionReport:
    """Return an export as the API shows it."""
    return ContributionReport(
        cluster=export.cluster,
        object=str(export.origin),
        file=export.origin.file,
        created_at=None if export.created_at is None else format_time(export.created_at),
        endpoints=len(export.endpoints),
        ready=sum(endpoint.ready for endpoint in export.endpoints),
        standing=standing,
    )


def report_conflict(conflict: Conflict) -> ConflictReport:
    """Return a conflict as the API shows it."""
    return ConflictReport(
        host=conflict.host,
        rule=conflict.rule,
        winner_cluster=conflict.winner_cluster,
        winner=str(conflict.winner),
        loser_cluster=conflict.loser_cluster,
        loser=str(conflict.loser),
        detail=conflict.detail,
    )


def report_conflicts(conflicts: Iterable[Conflict]) -> ConflictList:
    """Return conflicts as the API shows them."""
    return ConflictList(items=tuple(map(report_conflict, conflicts)))


def report_digest(
    snapshot: Snapshot, *, zones: Sequence[str], pools: Iterable[Prefix]
) -> DigestReport:
    """Return the hashes of what is served as the API shows them."""
    found = digest(snapshot.services, zones=zones, pools=pools)
    return DigestReport(
        serial=snapshot.serial, services=found.services, zone=found.zone, vips=found.vips
    )


def format_addresses(addresses: Iterable[Address]) -> tuple[str, ...]:
    """Return addresses as text."""
    return tuple(map(format_address, addresses))
