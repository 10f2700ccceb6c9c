"""The conditions of a GlobalService: Ready, Conflict, VIPMoved, SourceStale, Accepted. Pure.

Standards:
    meta/v1 Condition    lastTransitionTime is when status changed, not reason or message
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from globaldns.apply.facts import Facts, Moved, Part, PartState, Refusal
from globaldns.model.address import format_address
from globaldns.model.claim import format_time, parse_time
from globaldns.model.service import Conflict, ServiceState

READY, CONFLICT, VIP_MOVED, SOURCE_STALE = "Ready", "Conflict", "VIPMoved", "SourceStale"
ACCEPTED = "Accepted"
MOVED_SECONDS = 3600
"""How long a move is told: as long as a person takes to look at what an alert was about."""
_SHOWN = 4
"""Conflicts that a message names; explain has them all."""
_TRUE, _FALSE = "True", "False"

_ANSWERED = {
    ServiceState.READY: ("Answered", "clients are told its addresses"),
    ServiceState.PARTIAL: (
        "Partial",
        "answered with what it has; a VIP of another family will come",
    ),
    ServiceState.CLAIMED: ("ClaimsOnly", "answered from the ledger; no exporter was heard yet"),
    ServiceState.NONE: ("NoAddresses", "known, and without addresses: its resolution is NONE"),
}
_FAILING = {
    ServiceState.UNNUMBERED: ("Unnumbered", "its number is not remembered yet"),
    ServiceState.EXHAUSTED: ("PoolExhausted", "no pool has a free address: add one to vips.pools"),
    ServiceState.PIN_LOST: ("PinLost", "other hosts have all addresses that it pins: pin others"),
    ServiceState.PIN_OUTSIDE: ("PinOutside", "no VIP may lie where its pins do: pin others"),
    ServiceState.HANDOVER: ("Handover", "its VIP was another host's a short while ago: wait"),
    ServiceState.UNHEARD: ("Unheard", "only a pin is known of it: globaldns cluster list"),
    ServiceState.STALE: ("Stale", "all that export it are silent: globaldns cluster list"),
    ServiceState.LOST: ("Lost", "all that export it are lost, and lost.names drops their names"),
}
_STALE = (PartState.LOST, PartState.WAITING, PartState.REMEMBERED, PartState.SILENT)
"""The worst first."""


class Condition(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One aspect of a host's state."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int = 0


class Judgement(NamedTuple):
    """A condition without its time."""

    type: str
    is_true: bool
    reason: str
    message: str = ""


def judge(
    facts: Facts,
    former: Iterable[Condition],
    *,
    moved: Moved | None,
    generation: int,
    now: int,
) -> tuple[Condition, ...]:
    """Return every condition; ``former`` are those that stand, ``moved`` the last move if known.

    Accepted is one of them only where people wrote something that could be.
    """
    before = {one.type: one for one in former}
    judged = (
        _judge_ready(facts),
        _judge_conflict(facts),
        _judge_moved(facts, moved, before.get(VIP_MOVED), now),
        _judge_stale(facts.parts),
        *map(_judge_spec, filter(None, (facts.spec_refusal,))),
    )
    return tuple(_stamp(one, before.get(one.type), generation, now) for one in judged)


def judge_spec(
    facts: Facts, former: Iterable[Condition], *, generation: int, now: int
) -> tuple[Condition, ...]:
    """Return the conditions that stand with whether the spec is obeyed, which is known early."""
    if facts.spec_refusal is None:
        return tuple(former)
    before = {one.type: one for one in former}
    told = _stamp(_judge_spec(facts.spec_refusal), before.pop(ACCEPTED, None), generation, now)
    return (*before.values(), told)


def moved_until(conditions: Iterable[Condition], moved: Moved | None) -> int | None:
    """Return until when a move is told; None: none is."""
    told = next((one for one in conditions if one.type == VIP_MOVED), None)
    if told is None or told.status != _TRUE:
        return None
    return max(_since(told), moved.at if moved else 0) + MOVED_SECONDS


def _stamp(one: Judgement, before: Condition | None, generation: int, now: int) -> Condition:
    status = _TRUE if one.is_true else _FALSE
    is_same = before is not None and before.status == status and _since(before) > 0
    since = before.last_transition_time if before and is_same else format_time(now)
    return Condition(one.type, status, one.reason, one.message, since, generation)


def _judge_ready(facts: Facts) -> Judgement:
    service = facts.service
    if service is None:
        if facts.parts:
            message = "only fenced clusters export it; globaldns cluster unfence ID ends that"
            return Judgement(READY, False, "Fenced", message)
        message = f"no cluster exports {facts.host}: export it, or correct this name or namespace"
        if facts.held:
            message += "; its addresses are kept for it"
        return Judgement(READY, False, "NotExported", message)
    if service.state in _ANSWERED:
        return Judgement(READY, True, *_ANSWERED[service.state])
    reason, message = _FAILING[service.state]
    message = f"SERVFAIL; {message} (globaldns explain {facts.host})"
    return Judgement(READY, False, reason, message)


def _judge_conflict(facts: Facts) -> Judgement:
    conflicts = facts.service.conflicts if facts.service else ()
    if not conflicts:
        return Judgement(CONFLICT, False, "NoConflict")
    told = "; ".join(map(_tell_conflict, conflicts[:_SHOWN]))
    more = len(conflicts) - _SHOWN
    tail = f"; and {more} more" if more > 0 else ""
    message = f"{told}{tail}: make them agree, or remove one"
    return Judgement(CONFLICT, True, camel(conflicts[0].rule), message)


def _tell_conflict(conflict: Conflict) -> str:
    return (
        f"{conflict.detail}: {conflict.winner} of {conflict.winner_cluster} wins over "
        f"{conflict.loser} of {conflict.loser_cluster}"
    )


def _judge_moved(
    facts: Facts, moved: Moved | None, before: Condition | None, now: int
) -> Judgement:
    if facts.refusal:
        return Judgement(VIP_MOVED, False, "RenumberRefused", facts.refusal)
    if moved is not None and now < moved.at + MOVED_SECONDS:
        old, new = (
            ",".join(map(format_address, vips)) or "none"
            for vips in (moved.move.old, moved.move.new)
        )
        reason = moved.move.reason
        message = (
            f"from {old} to {new} ({reason}): whoever wrote the old address down must change it"
        )
        return Judgement(VIP_MOVED, True, camel(reason), message)
    is_told = before is not None and before.status == _TRUE
    if before is not None and is_told and now < _since(before) + MOVED_SECONDS:
        return Judgement(VIP_MOVED, True, before.reason, before.message)
    return Judgement(VIP_MOVED, False, "NotMoved")


def _judge_stale(parts: Iterable[Part]) -> Judgement:
    stale = [part for part in parts if part.source in _STALE]
    if not stale:
        return Judgement(SOURCE_STALE, False, "Fresh")
    worst = min((part.source for part in stale), key=_STALE.index)
    told = ", ".join(f"{part.cluster} ({_tell_source(part)})" for part in stale)
    is_any_counted = any(part.state is not PartState.FENCED for part in stale)
    effect = "what was heard of it last stands" if is_any_counted else "nothing of it counts"
    message = f"{told}: {effect}; globaldns cluster list says why"
    return Judgement(SOURCE_STALE, True, camel(worst), message)


def _tell_source(part: Part) -> str:
    return f"fenced, {part.source}" if part.state is PartState.FENCED else part.source


def _judge_spec(refusal: Refusal) -> Judgement:
    if not refusal.code:
        return Judgement(ACCEPTED, True, ACCEPTED)
    return Judgement(ACCEPTED, False, camel(refusal.code), refusal.message)


def camel(word: str) -> str:
    """Return a word with hyphens as conditions write it."""
    return "".join(part.capitalize() for part in word.split("-"))


def _since(condition: Condition) -> int:
    try:
        return parse_time(condition.last_transition_time)
    except ValueError:
        return 0
