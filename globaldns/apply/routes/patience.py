"""What is to be done for a host now, and what may wait. Pure.

name is gone ──► twice the largest TTL ──► its route is withdrawn
no client is to name a host ──► twice the largest TTL ──► its Gateway lets it through no more
endpoints that came last may come earlier ──► STABLE_SECONDS ──► they do
an object was written ──► REST_SECONDS ──► it is written again; what leads nowhere goes at once

Whoever writes may be killed between any two requests. So what says how calls go (DestinationRule)
is there before what has clients make any (ServiceEntry, Service), and goes after it: a host without
a rule would be called in all places alike, and no far gateway be told whom for. Where a server
takes no rule, what stands goes on being written without it: else it would lead to where nobody is.

What far clients name is for their own cluster to say, and that may come to know later than we do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import chain

import msgspec

from globaldns.apply.routes.comparison import (
    Urgency,
    amend,
    compare,
    gateways_of,
    hold_demotions,
    hold_hosts,
    hosts_of,
    keep_gateways,
)
from globaldns.apply.routes.standing import Document, Standing, key_of
from globaldns.objects.metadata import ObjectKey

STABLE_SECONDS = 300.0
"""How long a cluster must be back before its endpoints come before others again."""
_ENTRY = "ServiceEntry"
_LEADING = frozenset((_ENTRY, "Service"))
"""Kinds that have clients make calls."""
_GATEWAY = "Gateway"
REST_SECONDS = 1.0
"""The least time between two writes of an object that leads to all that it should."""


class Fate(StrEnum):
    """What becomes of what stands for a host."""

    WRITE = "write"
    STAND = "stand"
    """It is not known what it should be: it stays as it is."""
    WITHDRAW = "withdraw"
    """The name is gone; clients that still know it go on being served for a while."""
    END = "end"
    """It breaks what somebody else has written."""


class Wanted(msgspec.Struct, frozen=True):
    """What is wanted for a host."""

    fate: Fate
    documents: tuple[Document, ...] = ()
    unresolved: frozenset[str] = frozenset()
    """The clusters of whose gateways no address is known now: those that stand go on standing."""


class Rules(msgspec.Struct, frozen=True):
    """What is obeyed."""

    weight_step: float
    withdraw_seconds: float


class Memory(msgspec.Struct, frozen=True):
    """What is to be remembered of a host until it is looked at again; steady seconds."""

    gone_since: float | None = None
    back_since: float | None = None
    """Since when endpoints that come last could come earlier."""
    dropped: Mapping[str, float] = {}
    """Since when hosts that a Gateway lets through are not wanted in it."""
    written: Mapping[ObjectKey, float] = {}
    refused: frozenset[ObjectKey] = frozenset()
    """What is to be written and was not taken, as another has its name or it may not be."""


class Create(msgspec.Struct, frozen=True):
    """There is no such object of ours."""

    document: Document


class Replace(msgspec.Struct, frozen=True):
    """It is to say something else."""

    standing: Standing
    document: Document


class Delete(msgspec.Struct, frozen=True):
    """It is of no use."""

    standing: Standing


Step = Create | Replace | Delete


class Decision(msgspec.Struct, frozen=True):
    """What is to be done."""

    step: Step | None = None
    urgency: Urgency = Urgency.NEW
    later: float | None = None
    """When to look again, in steady seconds."""
    memory: Memory = Memory()


def step_key(step: Step) -> ObjectKey:
    """Return which object a step is about."""
    return key_of(step.document) if isinstance(step, Create) else step.standing.key


def decide(
    wanted: Wanted, standing: Sequence[Standing], memory: Memory, rules: Rules, now: float
) -> Decision:
    """Return the most urgent thing to do for a host; ``standing`` is all of ours about it."""
    present = [one for one in standing if not one.is_leaving]
    match wanted.fate:
        case Fate.STAND:
            return Decision(memory=msgspec.structs.replace(memory, gone_since=None))
        case Fate.END:
            return _delete(present, _keep_refused(memory, (one.key for one in present)))
        case Fate.WITHDRAW:
            memory = _keep_refused(memory, (one.key for one in present))
            return _withdraw(present, memory, rules, now)
        case Fate.WRITE:
            documents = {key_of(document): document for document in wanted.documents}
            documents = keep_known(documents, standing, wanted.unresolved)
            memory = msgspec.structs.replace(memory, gone_since=None)
            return _write(documents, present, memory, rules, now)


def _keep_refused(memory: Memory, keys: Iterable[ObjectKey]) -> Memory:
    """Return a memory without refusals of other objects than these."""
    return msgspec.structs.replace(memory, refused=memory.refused & {*keys})


def _delete(present: Sequence[Standing], memory: Memory) -> Decision:
    if not present:
        return Decision()
    return Decision(Delete(_first_to_go(present)), Urgency.REMOVAL, memory=memory)


def _first_to_go(present: Iterable[Standing]) -> Standing:
    return min(present, key=lambda one: (not _leads(one.key), one.key))


def _leads(key: ObjectKey) -> bool:
    """Whether an object has clients make calls."""
    return key.kind in _LEADING


def _withdraw(present: Sequence[Standing], memory: Memory, rules: Rules, now: float) -> Decision:
    if not present:
        return Decision()
    since = now if memory.gone_since is None else memory.gone_since
    memory = msgspec.structs.replace(memory, gone_since=since)
    due = since + rules.withdraw_seconds
    return _delete(present, memory) if due <= now else Decision(later=due, memory=memory)


def _write(
    documents: dict[ObjectKey, Document],
    present: Sequence[Standing],
    memory: Memory,
    rules: Rules,
    now: float,
) -> Decision:
    at = {one.key: one for one in present}
    documents, memory, due_hosts = _hold_hosts(documents, at, memory, rules, now)
    documents, memory, later = _hold(documents, at, memory, now)
    later = min(filter(None, (later, due_hosts)), default=None)
    found: list[tuple[Urgency, Step]] = []
    for key, document in documents.items():
        one = at.get(key)
        if one is None:
            found.append((Urgency.NEW, Create(document)))
            continue
        before = one.document
        amended = amend(before, document)
        urgency = compare(before, amended, rules.weight_step)
        if urgency is None:
            continue
        due = memory.written.get(key, now - REST_SECONDS) + REST_SECONDS
        if urgency is Urgency.REMOVAL or due <= now:
            found.append((urgency, Replace(one, amended)))
        else:
            later = min(due, later or due)
    if not found and later is None and all(key in at for key in documents):
        # Elsewhere it stands only until it stands where it should.
        elsewhere = [at[key] for key in at.keys() - documents.keys()]
        if elsewhere:
            found.append((Urgency.REMOVAL, Delete(_first_to_go(elsewhere))))
    memory = _keep_refused(memory, (step_key(step) for _, step in found))
    if not found:
        return Decision(later=later, memory=memory)
    urgency, step = _first(found, memory.refused)
    return Decision(step, urgency, later, memory)


def _first(
    found: list[tuple[Urgency, Step]], refused: frozenset[ObjectKey]
) -> tuple[Urgency, Step]:
    """Return what is done first: what was refused comes last, but before what leads to it anew."""
    lacks_rule = not all(map(_leads, refused))

    def may_go(step: Step) -> bool:
        is_new = isinstance(step, Create) and _leads(step_key(step))
        return step_key(step) not in refused and not (lacks_rule and is_new)

    free = [one for one in found if may_go(one[1])]
    return min(free or found, key=lambda one: (one[0], _leads(step_key(one[1]))))


def keep_known(
    documents: dict[ObjectKey, Document],
    standing: Iterable[Standing],
    unresolved: Collection[str],
) -> dict[ObjectKey, Document]:
    """Return what is to be written for a host while gateways of some clusters are not known.

    Those that stand go on being called, also where an entry is to stand elsewhere, or is of another
    VIP: the entry of before has them then.
    """
    if not unresolved:
        return documents
    at = {one.key: one.document for one in standing if one.key.kind == _ENTRY}
    known = {key: gateways_of(document, unresolved) for key, document in at.items()}
    everywhere = [*chain.from_iterable(known.values())]
    return {
        key: keep_gateways(at.get(key), document, known.get(key) or everywhere)
        if key.kind == _ENTRY
        else document
        for key, document in documents.items()
    }


def _hold(
    documents: dict[ObjectKey, Document],
    at: Mapping[ObjectKey, Standing],
    memory: Memory,
    now: float,
) -> tuple[dict[ObjectKey, Document], Memory, float | None]:
    """Return what is to be written while endpoints that came last have to go on doing so."""
    held = {
        key: hold_demotions(at[key].document, document) if key in at else document
        for key, document in documents.items()
    }
    if held == documents:
        return documents, msgspec.structs.replace(memory, back_since=None), None
    since = now if memory.back_since is None else memory.back_since
    memory = msgspec.structs.replace(memory, back_since=since)
    due = since + STABLE_SECONDS
    return (documents, memory, None) if due <= now else (held, memory, due)


def _hold_hosts(
    documents: dict[ObjectKey, Document],
    at: Mapping[ObjectKey, Standing],
    memory: Memory,
    rules: Rules,
    now: float,
) -> tuple[dict[ObjectKey, Document], Memory, float | None]:
    """Return what is to be written while Gateways let hosts through that clients may still name."""
    dropped: dict[str, float] = {}
    held = dict(documents)
    for key in documents.keys() & at.keys():
        if key.kind == _GATEWAY:
            gone = hosts_of(at[key].document) - hosts_of(documents[key])
            dropped |= {host: memory.dropped.get(host, now) for host in gone}
            kept = [host for host in gone if now < dropped[host] + rules.withdraw_seconds]
            held[key] = hold_hosts(documents[key], kept) if kept else documents[key]
    memory = msgspec.structs.replace(memory, dropped=dropped)
    ends = (since + rules.withdraw_seconds for since in dropped.values())
    return held, memory, min((end for end in ends if now < end), default=None)
