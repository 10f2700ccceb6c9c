"""An explanation for people: what is answered, who says so, what was dropped, what was before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from globaldns.cli.output import (
    ABSENT,
    format_age,
    format_row,
    format_table,
    measure,
    show_time,
)
from globaldns.model.claim import parse_time
from globaldns.model.explanation import (
    ClaimLine,
    Contributor,
    Explanation,
    RouteLine,
    RouteProgress,
)
from globaldns.model.export import ExportKind
from globaldns.model.lost import Standing
from globaldns.model.service import Conflict, ServiceState

HISTORY_LINES = 10
"""Of a busy VIP's past; ``vip history`` has the rest."""
UNKNOWN = "unknown"
_NOWHERE = "NXDOMAIN; no cluster exports it"

_STATES = {
    ServiceState.READY: ("answered", ""),
    ServiceState.PARTIAL: (
        "answered",
        "SERVFAIL for the other family, of which its number is not in the ledger yet",
    ),
    ServiceState.CLAIMED: ("answered", "from claims alone, until its source has spoken"),
    ServiceState.NONE: ("NODATA", "its entry has resolution NONE and no addresses"),
    ServiceState.UNNUMBERED: (
        "SERVFAIL",
        "its number is not in the ledger yet: a server writes it",
    ),
    ServiceState.EXHAUSTED: ("SERVFAIL", "no pool has a free address: add one to vips.pools"),
    ServiceState.PIN_LOST: ("SERVFAIL", "another host holds its pins: pin another address"),
    ServiceState.PIN_OUTSIDE: ("SERVFAIL", "its pins may not be used: see what was dropped"),
    ServiceState.HANDOVER: (
        "SERVFAIL",
        "its VIP was another's: answers may be kept",
    ),
    ServiceState.UNHEARD: (
        "SERVFAIL",
        "only a pin is known of it: grace is not over, or a source not read as a whole",
    ),
    ServiceState.LOST: (
        "SERVFAIL",
        "its clusters are lost, and lost.names has their names dropped: bring one back",
    ),
    ServiceState.STALE: ("SERVFAIL", "its sources are silent for too long: bring one back"),
}
"""What becomes of a question, and why or what to do."""

_WRITTEN = {
    "written": "written into our own cluster",
    "pending": "not written yet",
    "refused": "refused by the API server of our own cluster",
    "none": "none in our own cluster",
    "elsewhere": "not known here",
}
"""Whether routes stand."""
_CONTRIBUTORS = ("CLUSTER", "OBJECT", "ENDPOINTS", "CREATED", "DATA")
_ROUTES = ("FROM", "TO", "OF", "NETWORK", "RANK", "SHARE")
_NOTICES = ("CODE", "WHY", "FIX")
_DROPPED = ("CLUSTER", "OBJECT", "RULE", "WHY")
_CONFLICTS = ("RULE", "WINNER", "LOSER", "WHY")
_HISTORY = ("VIP", "HOST", "CLUSTER", "KIND", "AGE", "RETIRED", "WHY")


def is_unknown(explanation: Explanation) -> bool:
    """Whether nothing at all is known of a host."""
    known = (explanation.contributors, explanation.dropped, explanation.history)
    return explanation.state == UNKNOWN and not explanation.below and not any(known)


def format_explanation(explanation: Explanation, *, with_history: bool) -> str:
    """Return an explanation as paragraphs; what there is nothing of is left out."""
    now = parse_time(explanation.at)
    sections = [_head(explanation, now), *_middle(explanation, now)]
    if with_history and explanation.history:
        sections.append(_history_section(explanation, now))
    return "\n\n".join(sections)


def format_history(claims: Sequence[ClaimLine], now: int) -> str:
    """Return claims as a table; the one by which a host has its VIP says so."""
    return format_table(_HISTORY, _history_rows(claims, now))


def _head(explanation: Explanation, now: int) -> str:
    rows = list(_facts(explanation, now))
    widths = measure(rows)
    title = ", ".join(explanation.names) or explanation.host
    return "\n".join((title, *(f"  {format_row(row, widths)}" for row in rows)))


def _facts(explanation: Explanation, now: int) -> Iterator[tuple[str, str]]:
    yield "state", _state(explanation, now)
    if explanation.vips:
        since = {c.vip: c.allocated_at for c in explanation.history if c.is_holding}
        for vip in explanation.vips:
            age = f", for {show_time(since[vip], now)}" if vip in since else ""
            yield "VIP", f"{vip} ({explanation.rule}{age})"
    for vip in explanation.former:
        yield "former", f"{vip} (not answered any more, but routed for vips.overlap)"
    if not {*explanation.would_get} <= {*explanation.vips}:
        none = "" if explanation.vips else "none; "
        why = f"; not now: {explanation.paused}" if explanation.vips and explanation.paused else ""
        yield "VIP", f"{none}would get {', '.join(explanation.would_get)}{why}"
    if explanation.ports:
        yield "ports", ", ".join(explanation.ports)
    if explanation.written is not None:
        yield "routes", _written(explanation.written, now)
    if explanation.changed_at:
        yield "changed", f"{show_time(explanation.changed_at, now)} ago"


def _written(written: RouteProgress, now: int) -> str:
    age = f" for {show_time(written.since, now)}" if written.since else ""
    reason = f": {written.reason}" if written.reason else ""
    return f"{_WRITTEN.get(written.state, written.state)}{age}{reason}"


def _state(explanation: Explanation, now: int) -> str:
    state, unheard = explanation.state, ", ".join(explanation.unheard)
    if state != UNKNOWN:
        answer, why = _STATES[ServiceState(state)]
        if state == ServiceState.UNNUMBERED and explanation.paused:
            why = f"not numbered: {explanation.paused}"
        if explanation.waits_until:
            why += f" for {format_age(parse_time(explanation.waits_until) - now)}"
        return f"{state}: {answer}{why and f'; {why}'}"
    if explanation.below:
        return f"no host: NODATA; hosts lie below it: {explanation.below}"
    if not explanation.contributors:
        return f"unknown: {f'SERVFAIL; not read as a whole: {unheard}' if unheard else _NOWHERE}"
    waiting = f"waiting for {unheard} or its grace" if unheard else ""
    reasons = dict.fromkeys(filter(None, (waiting, explanation.paused)))
    return "; ".join(("not numbered yet: as remembered, else SERVFAIL", *reasons))


def _middle(explanation: Explanation, now: int) -> Iterator[str]:
    if explanation.contributors:
        has_files = any(c.file for c in explanation.contributors)
        rows = [
            (
                c.cluster,
                f"{c.object} (route)" if c.kind == ExportKind.ROUTE else c.object,
                f"{c.ready_endpoints}/{c.endpoints}",
                show_time(c.created_at, now),
                _data(c, now),
                *((c.file or ABSENT,) if has_files else ()),
            )
            for c in explanation.contributors
        ]
        columns = (*_CONTRIBUTORS, "FILE") if has_files else _CONTRIBUTORS
        yield _section("exported by", columns, rows)
    if explanation.routes:
        yield _section("routes", _ROUTES, map(_route_row, explanation.routes))
    if explanation.notices:
        notices = [(n.code, n.detail, n.hint or ABSENT) for n in explanation.notices]
        yield _section("not served in our own cluster", _NOTICES, notices)
    if explanation.dropped:
        dropped = [(d.cluster, d.object, d.rule, d.detail) for d in explanation.dropped]
        yield _section("dropped", _DROPPED, dropped)
    if explanation.conflicts:
        yield _section("conflicts", _CONFLICTS, map(_conflict_row, explanation.conflicts))


def _route_row(route: RouteLine) -> tuple[str, ...]:
    if route.lack:
        return (route.seen_from, route.lack, route.of, route.network or ABSENT, ABSENT, ABSENT)
    share = f"{100 * route.share:.3g} %"
    of, network = route.of or "several", route.network or ABSENT
    return (route.seen_from, route.to, of, network, route.rank, share)


def _data(contributor: Contributor, now: int) -> str:
    """Return how its source stands, how old what it said is, and how fast it is answered."""
    age = f", {show_time(contributor.contact, now)} old" if contributor.contact else ""
    how = "kept" if contributor.standing == Standing.COUNTED else contributor.standing
    lost = f", lost: endpoints {how}" if contributor.lost else ""
    seconds = contributor.propagation_seconds
    fast = "" if seconds is None else f", answered in {format_milliseconds(seconds)}"
    return f"{contributor.source}{age}{lost}{fast}"


def format_milliseconds(seconds: float) -> str:
    """Return a short duration."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _conflict_row(conflict: Conflict) -> tuple[str, ...]:
    winner = f"{conflict.winner_cluster} {conflict.winner}"
    return (conflict.rule, winner, f"{conflict.loser_cluster} {conflict.loser}", conflict.detail)


def _history_section(explanation: Explanation, now: int) -> str:
    shown = explanation.history[:HISTORY_LINES]
    rows = _history_rows(shown, now)
    section = _section("claims, newest first", _HISTORY, rows)
    more = len(explanation.history) - len(shown)
    if not more:
        return section
    return f"{section}\n{more} more: globaldns vip history {explanation.host}"


def _history_rows(claims: Sequence[ClaimLine], now: int) -> list[tuple[str, ...]]:
    held = {(claim.host, claim.vip) for claim in claims if claim.is_holding}
    return [_history_row(claim, now, agrees=(claim.host, claim.vip) in held) for claim in claims]


def _history_row(claim: ClaimLine, now: int, *, agrees: bool) -> tuple[str, ...]:
    age = show_time(claim.allocated_at, now)
    retired = f"{show_time(claim.retired_at, now)} ago" if claim.retired_at else ABSENT
    stands = "says the same" if agrees else "does not hold it"
    why = claim.reason or ("holds it" if claim.is_holding else stands)
    return (claim.vip, claim.host, claim.cluster, claim.kind, age, retired, why)


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return f"{title}\n{format_table(columns, rows)}"
