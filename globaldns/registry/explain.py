"""Why a host or a VIP answers what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from globaldns.errors import InvalidAddress, RequestRefused
from globaldns.model.address import Address, format_address, parse_address
from globaldns.model.claim import Claim, format_time
from globaldns.model.explanation import ClaimLine, Contributor, Dropped, Explanation
from globaldns.model.export import Export
from globaldns.model.finding import Finding
from globaldns.model.host import Host, fold, split_zone
from globaldns.model.service import Service, ServiceState
from globaldns.registry.findings import explain_pin
from globaldns.registry.registry import Registry

_EXPORTING = ("ServiceEntry", "Service", "ServiceExport", "GlobalService")
"""Kinds of which an object is named as the host that it exports or pins."""
_UNREAD = ("unreadable", "unreadable-file")
"""Findings about a whole file."""


class _Target(NamedTuple):
    host: Host
    vip: Address | None


def explain(
    registry: Registry,
    target: str,
    refused: Iterable[Finding] = (),
    *,
    now: int,
    failure: str = "",
) -> Explanation:
    """Explain a host, with or without its zone, or the host that a VIP stands for.

    ``refused`` says which objects and files do not count; those about this host are told.
    ``failure`` is why our ledger is not written now, if it is not.

    Raises:
        RequestRefused: the VIP stands for no host and never did.
    """
    host, vip = _find(registry, target)
    service = registry.services.get(host)
    exports = registry.views.exports(host)
    vips = service.vips if service else ()
    concerned = {*vips, *((vip,) if vip else ())}
    return Explanation(
        at=format_time(now),
        host=host,
        names=tuple(f"{host}.{zone}" for zone in (service.zones if service else ())),
        state=service.state.value if service else "unknown",
        rule=service.rule if service else "",
        vips=tuple(map(format_address, vips)),
        would_get=_would_get(registry, host),
        ports=tuple(
            f"{port.name} {port.number}/{port.transport.value} {port.protocol}".rstrip()
            for port in (service.ports if service else ())
        ),
        changed_at=format_time(service.changed_at) if service else "",
        contributors=tuple(
            _contributor(registry, export)
            for export in registry.silence.judge(host, exports).exports
        ),
        dropped=(
            *_dropped(registry, host),
            *_lost(registry, host, now),
            *_refused(registry, host, refused),
        ),
        conflicts=service.conflicts if service else (),
        former=tuple(map(format_address, service.former if service else ())),
        history=_history(registry, host, concerned),
        below=0 if service else _below(registry, host),
        waits_until=_waits_until(registry, service),
        paused=registry.pause_reason
        or (_foreign(registry, exports) if registry.is_settled else "")
        or failure
        or _waiting(registry),
        unheard=_unheard(registry),
    )


def _find(registry: Registry, target: str) -> _Target:
    try:
        vip = parse_address(target)
    except InvalidAddress:
        name = fold(target)
        split = split_zone(name, registry.settings.zones)
        return _Target(split[0] if split else Host(name), None)
    holder = registry.claims.holder(vip)
    if holder is not None:
        return _Target(holder.host, vip)
    claims = sorted(registry.numbering.all_of_vip(vip), key=_recency)
    if not claims:
        raise RequestRefused(
            f"{target} stands for no host and never did",
            hint="globaldns vip list shows every VIP",
        )
    return _Target(claims[-1].host, vip)


def _below(registry: Registry, host: Host) -> int:
    return sum(other.endswith(f".{host}") for other in registry.services)


def _waits_until(registry: Registry, service: Service | None) -> str:
    if service is None or service.state is not ServiceState.HANDOVER:
        return ""
    waits = registry.waits.handovers
    ends = (waits[vip].until for vip in service.vips if vip in waits)
    return _format_optional(max(ends, default=None))


def _waiting(registry: Registry) -> str:
    """Return for whom numbering waits after the start, if it does."""
    unheard = ", ".join(_unheard(registry))
    return f"waiting for {unheard} or its grace" if unheard and not registry.is_settled else ""


def _foreign(registry: Registry, exports: tuple[Export, ...]) -> str:
    """Return which clusters are to number a host, if none is that we write for."""
    clusters = sorted({export.cluster for export in exports})
    if not clusters or any(map(registry.views.is_written_by_us, clusters)):
        return ""
    return f"{', '.join(clusters)} numbers its own hosts, and has not said this one's number"


def _unheard(registry: Registry) -> tuple[str, ...]:
    views = registry.views
    clusters = sorted(registry.settings.clusters)
    if registry.is_settled:
        return tuple(filter(views.is_waiting, clusters))
    counted = filter(views.counts, clusters)
    return tuple(name for name in counted if not views.cluster(name).freshness.is_heard)


def _would_get(registry: Registry, host: Host) -> tuple[str, ...]:
    """Return what is on its way to the ledger, else what would be chosen now."""
    unwritten = registry.numbering.unwritten.of_host(host)
    if unwritten:
        return tuple(dict.fromkeys(format_address(c.vip) for c in unwritten if not c.is_retired))
    if pins := tuple(map(format_address, _waiting_pins(registry, host))):
        return pins
    if not registry.numbering.needs_number(host) or _foreign(
        registry, registry.views.exports(host)
    ):
        return ()
    return tuple(map(format_address, registry.numbering.would_get(host)))


def _waiting_pins(registry: Registry, host: Host) -> Iterator[Address]:
    """Yield what is pinned, and is to be claimed by a cluster that we write for."""
    claimed = {claim.vip for claim in registry.claims.of_host(host) if not claim.is_retired}
    for pinning in registry.views.pinnings(host):
        if registry.views.is_written_by_us(pinning.cluster):
            for pin in pinning.pins:
                if pin not in claimed and registry.numbering.may_pin(pin):
                    yield pin


def _contributor(registry: Registry, export: Export) -> Contributor:
    freshness = registry.views.cluster(export.cluster).freshness
    return Contributor(
        cluster=export.cluster,
        kind=export.kind.value,
        object=str(export.origin),
        file=export.origin.file,
        created_at=_format_optional(export.created_at),
        source=freshness.state.value,
        contact=_format_optional(freshness.contact),
        endpoints=len(export.endpoints),
        ready_endpoints=sum(endpoint.ready for endpoint in export.endpoints),
        pins=tuple(map(format_address, export.pins)),
        lost=export.cluster in registry.silence.lost,
        standing=registry.silence.fate(export.cluster, export.host).endpoints,
        propagation_seconds=registry.views.cluster(export.cluster).propagation,
    )


def _dropped(registry: Registry, host: Host) -> tuple[Dropped, ...]:
    dropped = [
        Dropped(cluster, str(export.origin), "fenced", "the cluster's exports do not count")
        for cluster, export in registry.views.fenced_exports(host)
    ]
    for pinning in registry.views.pinnings(host):
        claimed = {c.vip for c in registry.claims.of_host(host) if not c.is_retired}
        for pin in pinning.pins:
            if pin not in claimed and not registry.numbering.may_pin(pin):
                reason, fix = explain_pin(pin, registry)
                detail = f"{reason} (fix: {fix})"
                dropped.append(Dropped(pinning.cluster, str(pinning.origin), "pin-outside", detail))
    if families := registry.numbering.refused_families(host):
        detail = f"no pool has a free {' or '.join(map(str, families))} address (fix: vips.pools)"
        dropped.append(Dropped("", "", "pool-exhausted", detail))
    return tuple(dropped)


def _lost(registry: Registry, host: Host, now: int) -> Iterator[Dropped]:
    """Yield the exports that count no more because their clusters are lost."""
    exports = registry.views.exports(host)
    counting = registry.silence.judge(host, exports).exports
    for export in exports if counting is not exports else ():
        if export not in counting:
            contact = registry.views.cluster(export.cluster).freshness.contact
            age = "ever" if contact is None else f"for {now - contact} s"
            detail = f"its cluster was not in contact {age}: lost.names"
            yield Dropped(export.cluster, str(export.origin), "lost", detail)


def _refused(registry: Registry, host: Host, refused: Iterable[Finding]) -> Iterator[Dropped]:
    """Yield refused and missing objects that export a host or name it, and its unread files."""
    name, _, namespace = host.partition(".")
    exports = registry.views.exports(host)
    files = {(export.cluster, export.origin.file) for export in exports}
    objects = {str(export.origin) for export in exports}
    objects.update(f"{kind} {namespace}/{name}" for kind in _EXPORTING)
    names = [f"'{host}.{zone}'" for zone in registry.settings.zones]
    for finding in refused:
        if finding.object in objects or any(text in finding.reason for text in names):
            detail = f"{finding.reason}{finding.file and f': {finding.file}'}"
            yield Dropped(finding.cluster, finding.object, finding.code, detail)
        elif finding.code in _UNREAD and (finding.cluster, finding.file) in files:
            detail = f"{finding.reason}: what was read of it last stands"
            yield Dropped(finding.cluster, finding.file, finding.code, detail)


def _history(registry: Registry, host: Host, vips: set[Address]) -> tuple[ClaimLine, ...]:
    claims = {*registry.numbering.all_of_host(host)}
    for vip in vips:
        claims.update(registry.numbering.all_of_vip(vip))
    ordered = sorted(sorted(claims), key=_recency, reverse=True)
    return tuple(_line(registry, claim) for claim in ordered)


def _line(registry: Registry, claim: Claim) -> ClaimLine:
    return ClaimLine(
        host=claim.host,
        vip=format_address(claim.vip),
        cluster=claim.cluster,
        kind=claim.kind.value,
        allocated_at=format_time(claim.allocated_at),
        retired_at=_format_optional(claim.retired_at),
        reason=claim.reason,
        is_holding=claim in registry.numbering.written.held(claim.host),
    )


def _recency(claim: Claim) -> tuple[int, int]:
    return (claim.allocated_at, claim.retired_at or 0)


def _format_optional(at: int | None) -> str:
    return "" if at is None else format_time(at)
