"""The status of a GlobalService: what became of a host, in this cluster's eyes. Pure.

Time alone changes nothing in it: a cluster in contact has no time of contact here, and one that is
silent keeps the one with which it became silent. So what is not news is not written.

Standards:
    deploy/crds/globalservices.yaml    the schema
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from globaldns.apply.conditions import Condition, judge, judge_spec
from globaldns.apply.facts import Facts, Moved, Part, PartState
from globaldns.errors import InvalidAddress
from globaldns.model.address import Address, format_address, parse_address
from globaldns.model.claim import Claim, ClaimKind, format_time, parse_time
from globaldns.registry.delta import Move

MAX_PARTS = 1024
"""Contributors that the schema takes."""
CONTACT_SECONDS = 3600
"""A time of contact that is older by more than this is written again."""
_WITHOUT_CONTACT = (PartState.SYNCED, PartState.FENCED)
"""States in which the last contact is now, or of no use."""
_REASONS = {ClaimKind.PINNED: "pinned", ClaimKind.CHOSEN: "renumbered", ClaimKind.GIVEN: "moved"}


class _Written(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A mapping of the status."""


class StatusVip(_Written, frozen=True):
    """A virtual IP."""

    address: str
    kind: str
    allocated_at: str | None = None


class Contributor(_Written, frozen=True):
    """One cluster's part."""

    cluster: str
    state: str
    endpoints: int | None = None
    ready: int | None = None
    contact: str | None = None


class Status(_Written, frozen=True):
    """All of it."""

    host: str = ""
    vip: str = ""
    vips: tuple[StatusVip, ...] = ()
    clusters: str = ""
    ready: str = ""
    contributors: tuple[Contributor, ...] = ()
    renumbered_at: str | None = None
    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()

    def condition(self, name: str) -> Condition | None:
        """Return the condition of a type."""
        return next((one for one in self.conditions if one.type == name), None)

    @property
    def renumbered(self) -> int | None:
        """Which wish for another number was obeyed last, in Unix seconds."""
        return read_time(self.renumbered_at)


_decoder = msgspec.json.Decoder(Status)


def decode_status(data: bytes) -> Status:
    """Return a status as it stands; what is no status of ours is as good as none."""
    try:
        return _decoder.decode(data) if data else Status()
    except msgspec.MsgspecError:
        return Status()


def read_time(text: str | None) -> int | None:
    """Return a time as we write it; None: it is none."""
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        return None


def write_status(facts: Facts, former: Status, *, generation: int, now: int) -> Status:
    """Return the status to stand; ``former`` is the one that does, ``generation`` the object's."""
    vips = _vips(facts)
    counted = [part for part in facts.parts if part.is_counted]
    moved = facts.moved or _moved_since(former, facts, vips, now)
    renumbered = max(filter(None, (facts.renumbered_at, former.renumbered)), default=None)
    return Status(
        host=facts.name,
        vip=",".join(map(format_address, vips)),
        vips=tuple(_status_vip(vip, facts.held) for vip in vips),
        clusters=",".join(facts.service.clusters) if facts.service else "",
        ready=f"{sum(p.ready for p in counted)}/{sum(p.endpoints for p in counted)}",
        contributors=_contributors(facts.parts, former),
        renumbered_at=None if renumbered is None else format_time(renumbered),
        observed_generation=generation,
        conditions=judge(facts, former.conditions, moved=moved, generation=generation, now=now),
    )


def amend_status(facts: Facts, former: Status, *, generation: int, now: int) -> Status:
    """Return the status that stands with all that is known of a host before the mesh is."""
    conditions = judge_spec(facts, former.conditions, generation=generation, now=now)
    return msgspec.structs.replace(former, conditions=conditions)


def _vips(facts: Facts) -> tuple[Address, ...]:
    """Return what it is answered with; of a host that nobody exports what is kept for it."""
    if facts.service is not None:
        return facts.service.vips
    return tuple(claim.vip for claim in facts.held)


def _status_vip(vip: Address, held: Iterable[Claim]) -> StatusVip:
    """Return an address with the claim that it is held by; Istio's own allocation has none."""
    claim = next((one for one in held if one.vip == vip), None)
    if claim is None:
        return StatusVip(format_address(vip), ClaimKind.GIVEN)
    return StatusVip(format_address(vip), claim.kind, format_time(claim.allocated_at))


def _contributors(parts: tuple[Part, ...], former: Status) -> tuple[Contributor, ...]:
    before = {one.cluster: one for one in former.contributors}
    return tuple(
        Contributor(
            cluster=part.cluster,
            state=part.state,
            endpoints=part.endpoints,
            ready=part.ready,
            contact=_contact(part, before.get(part.cluster)),
        )
        for part in parts[:MAX_PARTS]
    )


def _contact(part: Part, before: Contributor | None) -> str | None:
    if part.state in _WITHOUT_CONTACT or part.contact is None:
        return None
    told = read_time(before.contact) if before and before.state == part.state else None
    if told is not None and told <= part.contact <= told + CONTACT_SECONDS:
        return format_time(told)
    return format_time(part.contact)


def _moved_since(former: Status, facts: Facts, vips: tuple[Address, ...], now: int) -> Moved | None:
    """Return the move that nobody has told of: people were shown other addresses."""
    try:
        shown = tuple(parse_address(one.address) for one in former.vips)
    except InvalidAddress:
        return None
    if not shown or not vips or set(shown) == set(vips):
        return None
    kinds = {claim.kind for claim in facts.held if claim.vip in vips}
    reason = next((_REASONS[kind] for kind in ClaimKind if kind in kinds), "moved")
    return Moved(Move(facts.host, shown, vips, reason), now)
