"""Our own objects into what a cluster says beside its exports: claims, policies, fences."""

from __future__ import annotations

from msgspec import Struct

from globaldns.errors import InvalidObject, LedgerError
from globaldns.exports.marks import parse_pins
from globaldns.exports.ownership import refuse_namespace
from globaldns.exports.rules import ExportRules
from globaldns.model.claim import Claim, ClaimKey, Marker, parse_claims
from globaldns.model.export import Origin
from globaldns.model.host import service_host
from globaldns.model.view import ClaimSet, Fence, Policy
from globaldns.objects.own import ClusterFence, GlobalService, VIPLedger

_DATA = "$.spec.data"
_LINES = "write the lines as globaldns vip export does"


class Shard(Struct, frozen=True, gc=False):
    """One object of a cluster's ledger."""

    marker: Marker
    claims: tuple[Claim, ...]
    is_refused: bool = False
    """Whether it was never taken, so that what it says is not known."""


def read_ledger(ledger: VIPLedger, cluster: str) -> Shard:
    """Return the claims of a VIPLedger.

    Raises:
        InvalidObject: it is another cluster's, or a line of it is no claim of this cluster.
    """
    if ledger.spec.cluster != cluster:
        raise InvalidObject(
            f"is the ledger of {ledger.spec.cluster!r}, and stands in {cluster!r}",
            path="$.spec.cluster",
            code="ledger-cluster",
            hint="keep every cluster's ledger with its own objects",
        )
    try:
        claims = parse_claims(ledger.spec.data)
    except LedgerError as error:
        raise InvalidObject(str(error), path=_DATA, code="ledger-line", hint=_LINES) from None
    foreign = next((claim for claim in claims if claim.cluster != cluster), None)
    if foreign is not None:
        raise InvalidObject(
            f"has a claim of {foreign.cluster!r} on {foreign.host}",
            path=_DATA,
            code="ledger-cluster",
            hint="a ledger holds the claims of its own cluster only",
        )
    return Shard(read_marker(ledger), claims)


def read_marker(ledger: VIPLedger) -> Marker:
    """Return which ledger a VIPLedger is part of."""
    marker = ledger.spec.marker
    return Marker(marker.id, int(marker.created.timestamp()))


def unite_shards(shards: list[Shard]) -> ClaimSet:
    """Return what the shards of one ledger say; of several ledgers the newest stands."""
    if not shards:
        return ClaimSet()
    marker = newest_marker(shards)
    newest = [shard for shard in shards if shard.marker == marker]
    claims: dict[ClaimKey, Claim] = {}
    for claim in (claim for shard in newest for claim in shard.claims):
        known = claims.get(claim.key, claim)
        claims[claim.key] = known.merge(claim)
    is_partial = any(shard.is_refused for shard in newest)
    return ClaimSet(marker, tuple(claims[key] for key in sorted(claims)), is_partial=is_partial)


def newest_marker(shards: list[Shard]) -> Marker:
    """Return the marker of the ledger that was begun last."""
    return max((shard.marker for shard in shards), key=lambda marker: (marker.created, marker.id))


def read_policy(service: GlobalService, origin: Origin, rules: ExportRules) -> Policy | None:
    """Return what a GlobalService pins; None where it pins nothing.

    Raises:
        InvalidObject: a pin is no address, there are too many, or the namespace may not export.
    """
    pins = parse_pins(service.spec.pins, path="$.spec.pins")
    if not pins:
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
    )


def read_fence(fence: ClusterFence, origin: Origin) -> Fence:
    """Return the word of a ClusterFence."""
    spec = fence.spec
    return Fence(spec.cluster, spec.fenced, int(spec.at.timestamp()), origin)
