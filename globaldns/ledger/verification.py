"""Whether a ledger's claims can all be true. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from globaldns.model.address import Family, family, format_address
from globaldns.model.claim import Claim, ClaimKind, format_time
from globaldns.model.finding import Finding, Severity


def contradictions(claims: Iterable[Claim], file: str) -> tuple[Finding, ...]:
    """Return what contradicts itself in the claims of a ledger, sorted by host."""
    known = tuple(claims)
    found = (*_backward(known), *_numbered_twice(known), *_given_twice(known))
    return tuple(
        Finding(severity, code, reason, file=file, object=f"claim {claim.host}", hint=hint)
        for claim, severity, code, reason, hint in sorted(found)
    )


_Found = tuple[Claim, Severity, str, str, str]


def _backward(claims: Iterable[Claim]) -> Iterator[_Found]:
    for claim in claims:
        if claim.retired_at is not None and claim.retired_at < claim.allocated_at:
            made, retired = format_time(claim.allocated_at), format_time(claim.retired_at)
            reason = f"retired at {retired}, before it was made at {made}"
            yield (claim, Severity.ERROR, "claim-dates", reason, "import a backup")


def _numbered_twice(claims: Iterable[Claim]) -> Iterator[_Found]:
    """Find clusters that give one host two VIPs of a family."""
    given: dict[tuple[str, str, Family], list[Claim]] = defaultdict(list)
    for claim in _standing(claims):
        given[(claim.cluster, claim.host, family(claim.vip))].append(claim)
    for (cluster, _, _), rivals in given.items():
        if len(rivals) > 1:
            vips = ", ".join(format_address(claim.vip) for claim in sorted(rivals))
            reason = f"cluster {cluster} gives it {vips}"
            hint = "globaldns vip renumber gives it one again"
            yield (min(rivals), Severity.ERROR, "host-numbered-twice", reason, hint)


def _given_twice(claims: Iterable[Claim]) -> Iterator[_Found]:
    """Find clusters that give one VIP to two hosts."""
    given: dict[tuple[str, bytes], list[Claim]] = defaultdict(list)
    for claim in _standing(claims):
        given[(claim.cluster, claim.vip)].append(claim)
    for (cluster, _), rivals in given.items():
        if len(rivals) > 1:
            hosts = " and ".join(claim.host for claim in sorted(rivals))
            reason = f"cluster {cluster} gives {format_address(rivals[0].vip)} to {hosts}"
            yield (min(rivals), Severity.WARNING, "vip-given-twice", reason, "the older keeps it")


def _standing(claims: Iterable[Claim]) -> Iterator[Claim]:
    return (claim for claim in claims if claim.kind is ClaimKind.GIVEN and not claim.is_retired)
