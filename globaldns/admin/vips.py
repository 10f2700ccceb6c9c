"""Building reports of VIPs from claims; reads values that never change, so a thread may do it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from math import inf

import msgspec

from globaldns.admin.reports import ClaimReport, PoolReport, VipPage, VipReport
from globaldns.admin.selection import DEFAULT_LIMIT, compile_glob
from globaldns.errors import InvalidAddress
from globaldns.model.address import Address, format_address, parse_address
from globaldns.model.claim import Claim, format_time
from globaldns.registry.occupancy import VipUsage
from globaldns.registry.registry import Registry

ClaimsOf = Callable[[Address], Iterable[Claim]]
"""Returns all claims of a VIP."""

HELD = "held"
"""The state of a VIP that stands for a host."""


class VipSelection(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing of VIPs asks for."""

    glob: str = "*"
    """Of the host with or without its zone; or a VIP."""
    zones: tuple[str, ...] = ()
    """Zones that the glob's names may end with."""
    limit: int = DEFAULT_LIMIT
    after: Address | None = None
    """The last VIP of the page before."""


def report_vip_page(registry: Registry, selection: VipSelection, *, now: int) -> VipPage:
    """Return one page of VIPs, and every pool."""
    numbering, quarantine = registry.numbering, registry.settings.quarantine
    vips = (*registry.claims.vips,)  # in one step: the registry may go on meanwhile
    if resting := (*numbering.resting.vips,):
        vips = tuple({*vips, *resting})
    page, more = select_vips(vips, numbering.all_of_vip, selection)
    histories = ((vip, numbering.all_of_vip(vip)) for vip in page)
    overdue = numbering.occupancy.overdue
    return VipPage(
        pools=tuple(map(report_pool, registry.usage())),
        items=tuple(
            report_vip(
                vip,
                history,
                registry.claims.holder(vip),
                now=now,
                quarantine=inf if vip in overdue else quarantine,
            )
            for vip, history in histories
            if history
        ),
        next=None if more is None else format_address(more),
    )


def select_vips(
    vips: Iterable[Address], claims_of: ClaimsOf, selection: VipSelection
) -> tuple[list[Address], Address | None]:
    """Return one page in numerical order, IPv4 first, and where the next one starts after."""
    is_meant = _compile(selection, claims_of)
    after = (0, Address(b"")) if selection.after is None else _order(selection.after)
    meant = (vip for vip in vips if _order(vip) > after and is_meant(vip))
    page = heapq.nsmallest(selection.limit + 1, meant, key=_order)
    more = page[selection.limit - 1] if len(page) > selection.limit else None
    return page[: selection.limit], more


def _order(vip: Address) -> tuple[int, Address]:
    return (len(vip), vip)


def _compile(selection: VipSelection, claims_of: ClaimsOf) -> Callable[[Address], bool]:
    """Return whether a selection means a VIP."""
    if selection.glob == "*":
        return lambda _: True
    try:
        return parse_address(selection.glob).__eq__
    except InvalidAddress:
        matches = compile_glob(selection.glob)
        return lambda vip: matches(_names(claims_of(vip), selection.zones))


def _names(claims: Iterable[Claim], zones: tuple[str, ...]) -> Iterator[str]:
    for host in {claim.host for claim in claims}:
        yield host
        for zone in zones:
            yield f"{host}.{zone}"


def report_vip(
    vip: Address,
    claims: Iterable[Claim],
    holder: Claim | None,
    *,
    now: int,
    quarantine: float,
) -> VipReport:
    """Return a VIP that has claims as the API shows it.

    ``quarantine`` is how long it rests; infinite while its rest is held open.
    """
    history = sorted(claims, key=lambda claim: (claim.allocated_at, claim.host, claim.cluster))
    last = holder or max(history, key=lambda claim: claim.retired_at or claim.allocated_at)
    return VipReport(
        vip=format_address(vip),
        state=_state(history, holder, now=now, quarantine=quarantine),
        host=last.host,
        holder=holder.cluster if holder else "",
        kind=last.kind,
        since=format_time(last.allocated_at if holder else last.retired_at or last.allocated_at),
        clusters=tuple(
            sorted({c.cluster for c in history if not c.is_retired and c.host == last.host})
        ),
        claims=tuple(map(report_claim, history)),
    )


def _state(history: Iterable[Claim], holder: Claim | None, *, now: int, quarantine: float) -> str:
    if holder is not None:
        return HELD
    ends = [claim.retired_at for claim in history]
    if None in ends:
        return "lost"
    return "resting" if max(end or 0 for end in ends) + quarantine > now else "released"


def report_claim(claim: Claim) -> ClaimReport:
    """Return a claim as the API shows it."""
    return ClaimReport(
        host=claim.host,
        vip=format_address(claim.vip),
        cluster=claim.cluster,
        kind=claim.kind,
        allocated_at=format_time(claim.allocated_at),
        retired_at=None if claim.retired_at is None else format_time(claim.retired_at),
        reason=claim.reason,
    )


def report_pool(usage: VipUsage) -> PoolReport:
    """Return how full a pool is as the API shows it."""
    return PoolReport(
        pool=str(usage.pool),
        size=usage.size,
        held=usage.held,
        resting=usage.resting,
        reserved=usage.reserved,
        free=usage.free,
    )
