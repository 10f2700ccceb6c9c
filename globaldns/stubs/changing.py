"""A stub installed in all places of a cluster, and removed: read, decided, written, read again.

What is about to be written is remembered first. All places are decided before that, and the API
server is asked whether they may be written, so that one that is refused leaves all as they are; a
change that comes too late is decided again from what stands there then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

import msgspec

from globaldns.coredns import targets
from globaldns.coredns.targets import Target
from globaldns.errors import ApiRefused, StubError
from globaldns.stubs import shapes
from globaldns.stubs.objects import DnsObjects, Recorded
from globaldns.stubs.record import Record, original_key
from globaldns.stubs.shapes import Change, Document, Wish, text_of, touched

ATTEMPTS = 5
"""How often what others change meanwhile is decided again."""

Tell = Callable[[Change], None]
"""Is called before each change."""
SUSPENDED = Record(suspended=True)
"""What is remembered of a cluster's DNS that servers leave alone, once nothing of it is ours."""
Plan = Callable[[Target, Document | None, Wish], Change]


async def install(
    objects: DnsObjects, wishes: Mapping[Target, Wish], tell: Tell, *, resume: bool = True
) -> tuple[Change, ...]:
    """Have each place tell what is wished; return what became of each, unchanged ones too.

    ``resume``: although it was suspended; it is not any more, whatever is wished.

    Raises:
        StubError: a place is refused, and nothing was written; code ``busy``: others write all the
            time; code ``suspended``.
        ApiError: a request failed.
    """
    done: dict[Target, Change] = {}
    for _ in range(ATTEMPTS):
        recorded = await objects.read_record()
        if recorded.record.suspended and not resume:
            raise StubError(
                "globaldns stub remove --suspend took it out",
                code="suspended",
                hint="globaldns stub install has it kept again",
            )
        changes = await _decide(objects, wishes, recorded.record, shapes.plan_install)
        resumed = msgspec.structs.replace(recorded.record, suspended=False)
        record = _remembering(resumed, changes, wishes)
        try:
            for change in changes:
                if change.is_needed:
                    await objects.check(change)
            await _remember(objects, recorded, record)
            await _write(objects, changes, tell, done)
        except ApiRefused as error:
            _check_late(error)
        else:
            return tuple(done.values())
    raise _busy()


async def remove(
    objects: DnsObjects, wishes: Mapping[Target, Wish], tell: Tell, *, suspend: bool = False
) -> tuple[Change, ...]:
    """Take what is ours out of these places, and out of those that we remember.

    What was wished last is what may be told there by somebody else, and is left then. ``suspend``:
    servers are told first to leave it so, and what is remembered is that alone.

    Raises:
        StubError: a place is refused, and nothing was written; code ``busy``: others write all the
            time.
        ApiError: a request failed.
    """
    if suspend and not objects.is_dry_run:
        await _suspend(objects)
    done: dict[Target, Change] = {}
    for _ in range(ATTEMPTS):
        recorded = await objects.read_record()
        record = recorded.record
        remembered = {place: Wish(record.stub) for place in record.places if record.stub}
        changes = await _decide(objects, {**remembered, **wishes}, record, shapes.plan_removal)
        try:
            await _write(objects, changes, tell, done)
            await _forget(objects, recorded, suspend=suspend)
        except ApiRefused as error:
            _check_late(error)
        else:
            return tuple(done.values())
    raise _busy()


async def _suspend(objects: DnsObjects) -> None:
    """Have servers write no more; what is remembered stays."""
    for _ in range(ATTEMPTS):
        recorded = await objects.read_record()
        if recorded.record.suspended:
            return
        record = msgspec.structs.replace(recorded.record, suspended=True)
        try:
            await objects.write_record(recorded, record)
        except ApiRefused as error:
            _check_late(error)
        else:
            return
    raise _busy()


async def _remember(objects: DnsObjects, recorded: Recorded, record: Record) -> None:
    if record == recorded.record:
        return
    if record == Record():
        await objects.delete_record(recorded)
    else:
        await objects.write_record(recorded, record)


async def _forget(objects: DnsObjects, recorded: Recorded, *, suspend: bool) -> None:
    if not suspend and recorded.version:
        await objects.delete_record(recorded)
    if suspend and recorded.record != SUSPENDED:
        await objects.write_record(recorded, SUSPENDED)


async def _decide(
    objects: DnsObjects, wishes: Mapping[Target, Wish], record: Record, plan: Plan
) -> list[Change]:
    """Return what is decided of each place, or all that is against it."""
    documents = {place: await objects.read(place) for place in wishes}
    changes, refusals = [], []
    for place, wish in wishes.items():
        known = wish.options.known | record.known_at(place)
        options = msgspec.structs.replace(wish.options, known=known)
        wish = msgspec.structs.replace(wish, options=options)  # noqa: PLW2901
        try:
            changes.append(plan(place, documents[place], wish))
        except StubError as error:
            refusals.append((place, error))
    if not refusals:
        return changes
    reason = "\n".join(f"{place}: {error}" for place, error in refusals)
    first = refusals[0][1]
    raise StubError(reason, code=first.code, hint=first.hint)


def _remembering(
    record: Record, changes: Iterable[Change], wishes: Mapping[Target, Wish]
) -> Record:
    """Return a record of changes that are about to be made, and of what is ours already."""
    for change in changes:
        place, before = change.place, change.before
        is_ours = change.after and targets.remove(place, change.after, change.known) != change.after
        if is_ours:
            without = before and targets.remove(place, before, record.known_at(place))
            originals = {
                original_key(one): text_of(one, without or None) for one in touched(change)
            }
            record = record.with_place(place, wishes[place].stub, change.known, originals)
    return record


async def _write(
    objects: DnsObjects, changes: Iterable[Change], tell: Tell, done: dict[Target, Change]
) -> None:
    """Make changes that are needed, and note each."""
    for change in changes:
        if change.is_needed:
            tell(change)
            await objects.write(change)
            done[change.place] = change
        else:
            done.setdefault(change.place, change)


def _check_late(error: ApiRefused) -> None:
    """Let a change be decided again that came too late.

    Raises:
        ApiRefused: it was refused for another reason.
    """
    if error.status != HTTPStatus.CONFLICT:
        raise error


def _busy() -> StubError:
    return StubError(
        f"others have changed it {ATTEMPTS} times meanwhile",
        code="busy",
        hint="an operator may own it: globaldns stub detect; else try again",
    )
