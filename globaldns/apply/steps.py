"""The next thing to do for a host's GlobalService: create, show, write its status, delete. Pure.

What people wrote is never touched: an object without our mark gets a status and nothing else, and
so does one of ours in which somebody has written a spec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from globaldns.apply.facts import Facts
from globaldns.apply.seen import Seen
from globaldns.apply.status import Status, amend_status, decode_status, write_status
from globaldns.model.host import Host
from globaldns.model.place import Place


class Create(msgspec.Struct, frozen=True):
    """There is no object yet."""

    place: Place
    host: Host


class Write(msgspec.Struct, frozen=True):
    """Its status is not what it should be."""

    seen: Seen
    status: Status


class Show(msgspec.Struct, frozen=True):
    """Somebody has written a spec into it, which the clusters are to read."""

    seen: Seen


class Delete(msgspec.Struct, frozen=True):
    """It is ours, and about nothing."""

    seen: Seen


Step = Show | Create | Write | Delete


def place_in(step: Step) -> Place:
    """Return where the object of a step stands."""
    return step.place if isinstance(step, Create) else step.seen.place


def next_step(facts: Facts, objects: Sequence[Seen], place: Place, *, now: int) -> Step | None:
    """Return what to do first; None: all is as it should be, or it is not known how that is.

    ``objects`` are those about the host, ``place`` is where its own is to stand. Of a host that may
    yet turn out to be a service, only whether its spec is obeyed is told.
    """
    for seen in objects:
        if seen.is_blank and seen.has_spec:
            return Show(seen)
    if facts.service is None and not facts.is_complete:
        return _tell(amend_status, facts, objects, now)
    if facts.service is not None and all(seen.place != place for seen in objects):
        return Create(place, facts.host)
    for seen in objects:
        is_useless = facts.is_gone or (facts.service is not None and seen.place != place)
        if is_useless and seen.is_disposable:
            return Delete(seen)
        if step := _tell(write_status, facts, (seen,), now):
            return step
    return None


def _tell(
    write: Callable[..., Status], facts: Facts, objects: Sequence[Seen], now: int
) -> Write | None:
    """Return the first status that is to be another one; None: none is."""
    for seen in objects:
        former = decode_status(seen.status)
        status = write(facts, former, generation=seen.generation, now=now)
        if status != former:
            return Write(seen, status)
    return None


def wished_number(objects: Sequence[Seen], renumbered_at: int | None) -> int | None:
    """Return which wish for another number is not obeyed yet; None: none.

    ``renumbered_at`` is the one that was obeyed last since the status was written.
    """
    for seen in objects:
        if seen.renumber is None or seen.is_elsewhere:
            continue
        obeyed = max(renumbered_at or 0, decode_status(seen.status).renumbered or 0)
        if seen.renumber > obeyed:
            return seen.renumber
    return None
