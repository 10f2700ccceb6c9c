"""Our own objects into what a cluster says beside its exports: claims, policies, fences."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from globaldns.errors import InvalidObject, LedgerError
from globaldns.exports.losing import read_lost
from globaldns.exports.marks import is_elsewhere, parse_pins
from globaldns.exports.ownership import refuse_namespace
from globaldns.exports.rules import ExportRules
from globaldns.model.claim import Claim, ClaimKey, Marker, parse_claims
from globaldns.model.export import Origin
from globaldns.model.fingerprint import Fingerprint
from globaldns.model.head import Uids
from globaldns.model.host import Host, service_host
from globaldns.model.view import ClaimSet, Fence, Policy
from globaldns.objects.own import ClusterFence, GlobalService, VIPLedger

FIRST_SHARD = "own-000"
"""The object that a ledger of an API server has as long as it is there."""
_SHARD = re.compile(r"own-[0-3][0-9a-f]{2}")
_DATA = "$.spec.data"
_LINES = "write the lines as globaldns vip export does"


class Shard(Struct, frozen=True, gc=False):
    """One object of a cluster's ledger."""

    marker: Marker
    claims: tuple[Claim, ...]
    is_refused: bool = False
    """Whether it was never taken, so that what it says is not known."""
    hosts: frozenset[Host] = frozenset()
    """Those that its claims are about."""
    fingerprint: Fingerprint = Fingerprint()
    """What it says of its writer's configuration: one of a ledger's shards does."""
    uids: Uids = ()
    """Which cluster its writer takes each name for: the same one says it."""
    is_first: bool = False
    """Whether it is the one that is there as long as its ledger is."""


def read_ledger(ledger: VIPLedger, cluster: str) -> Shard:
    """Return the claims of a VIPLedger.

    Raises:
        InvalidObject: it is another cluster's, or a line of it is no claim of this cluster.
    """
    if ledger.spec.cluster != cluster:
        raise elsewhere(ledger.spec.cluster, cluster)
    claims = read_claims(ledger)
    hosts = frozenset(claim.host for claim in claims)
    return Shard(
        read_marker(ledger),
        claims,
        hosts=hosts,
        fingerprint=ledger.spec.settings,
        uids=tuple(sorted(ledger.spec.uids.items())),
        is_first=ledger.metadata.name == FIRST_SHARD,
    )


def elsewhere(owner: str, cluster: str, *, others: int = 0) -> InvalidObject:
    """Return what is wrong with a part of another cluster's ledger, and with others like it."""
    more = f" with {others} more" if others else ""
    return InvalidObject(
        f"is the ledger of {owner!r}, and stands in {cluster!r}{more}",
        path="$.spec.cluster",
        code="ledger-cluster",
        hint="keep every cluster's ledger with its own objects",
    )


def is_part(name: str, others: Collection[str]) -> bool:
    """Whether an object may be a shard of its cluster's ledger, beside objects of other names.

    A ledger in files may have any; one that a globaldns writes has only those that it gives.
    """
    return FIRST_SHARD not in others or _SHARD.fullmatch(name) is not None


def read_claims(ledger: VIPLedger) -> tuple[Claim, ...]:
    """Return the claims of a VIPLedger, whatever its role.

    Raises:
        InvalidObject: a line of it is no claim of the cluster that it names.
    """
    try:
        claims = parse_claims(ledger.spec.data)
    except LedgerError as error:
        raise InvalidObject(str(error), path=_DATA, code="ledger-line", hint=_LINES) from None
    cluster = ledger.spec.cluster
    foreign = next((claim for claim in claims if claim.cluster != cluster), None)
    if foreign is not None:
        raise InvalidObject(
            f"has a claim of {foreign.cluster!r} on {foreign.host}",
            path=_DATA,
            code="ledger-cluster",
            hint="a ledger holds the claims of one cluster only",
        )
    return claims


def read_marker(ledger: VIPLedger) -> Marker:
    """Return which ledger a VIPLedger is part of."""
    marker = ledger.spec.marker
    return Marker(marker.id, int(marker.created.timestamp()))


def unite_shards(shards: list[Shard]) -> ClaimSet:
    """Return what the shards of one ledger say; of several ledgers one stands.

    Where no host stands in two shards, as in every ledger that a globaldns writes, they are joined
    as they are: one changed shard of a thousand costs little.
    """
    if not shards:
        return ClaimSet()
    marker = find_marker(shards)
    newest = [shard for shard in shards if shard.marker == marker]
    prints = (shard.fingerprint for shard in newest if shard.fingerprint != Fingerprint())
    said = ClaimSet(
        marker,
        is_partial=any(shard.is_refused for shard in newest),
        fingerprint=next(prints, Fingerprint()),
        uids=next((shard.uids for shard in newest if shard.uids), ()),
    )
    hosts = set().union(*(shard.hosts for shard in newest))
    if len(hosts) == sum(len(shard.hosts) for shard in newest):
        joined = tuple(chain.from_iterable(shard.claims for shard in newest))
        return replace(said, claims=joined)
    claims: dict[ClaimKey, Claim] = {}
    for claim in (claim for shard in newest for claim in shard.claims):
        known = claims.get(claim.key, claim)
        claims[claim.key] = known.merge(claim)
    united = tuple(claims[key] for key in sorted(claims))
    return replace(said, claims=united)


def find_marker(shards: list[Shard]) -> Marker:
    """Return which ledger shards are of: the first of them says it, else what was begun last.

    What is refused replaces nothing.
    """

    def rank(shard: Shard) -> tuple[bool, int, str]:
        return (shard.is_first, shard.marker.created, shard.marker.id)

    return max([shard for shard in shards if not shard.is_refused] or shards, key=rank).marker


def read_policy(service: GlobalService, origin: Origin, rules: ExportRules) -> Policy | None:
    """Return what a GlobalService says of its service; None where it says nothing.

    One that we wrote in our own namespace, for want of its service's, says nothing of the service
    that has its name.

    Raises:
        InvalidObject: a pin is no address, there are too many, a time is none, or the namespace may
            not export.
    """
    if is_elsewhere(service.metadata):
        return None
    _refuse_time(service.spec.renumber)
    pins = parse_pins(service.spec.pins, path="$.spec.pins")
    lost = read_lost(service.spec.lost)
    if not pins and lost is None:
        return None
    if len(pins) > rules.records_per_name:
        raise InvalidObject(
            f"pins {len(pins)} addresses, {rules.records_per_name} are allowed",
            path="$.spec.pins",
            code="too-many-records",
            hint="raise dns.limits.records_per_name",
        )
    refusal = refuse_namespace(origin.namespace, rules)
    if refusal is not None:
        raise InvalidObject(refusal.reason, path=refusal.path, code=refusal.code, hint=refusal.hint)
    return Policy(
        host=service_host(origin.name, origin.namespace),
        origin=origin,
        created_at=service.metadata.created_at,
        pins=pins,
        lost=lost,
    )


def _refuse_time(renumber: datetime | None) -> None:
    if renumber is not None and renumber.timestamp() <= 0:
        raise InvalidObject(
            f"{renumber:%Y} is before any wish for another VIP",
            path="$.spec.renumber",
            code="renumber-time",
            hint="write the present time, as globaldns vip renumber does",
        )


def read_fence(fence: ClusterFence, origin: Origin) -> Fence:
    """Return the word of a ClusterFence."""
    spec = fence.spec
    return Fence(spec.cluster, spec.fenced, int(spec.at.timestamp()), origin, spec.uid)
