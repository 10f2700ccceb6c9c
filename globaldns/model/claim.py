"""Claims: a cluster's word that a host has a VIP. The set of all claims is the whole agreement.

The set only grows; ``retired_at`` is the only thing about a claim that ever changes, once. Union is
the merge (of two retirements the earlier), so order, repetition and partitions cannot matter.

One line of text per claim, for ``vip export``, the daily backup and VIPLedger objects, fields by
single spaces, sorted::

    reviews.bookinfo 240.140.3.9 2026-01-02T03:04:05Z east given - -
    old.bookinfo 240.140.3.10 2026-01-02T03:04:05Z east given 2026-02-01T00:00:00Z withdrawn
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from globaldns.errors import InvalidAddress, LedgerError
from globaldns.model.address import Address, format_address, parse_address
from globaldns.model.host import Host

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_EXAMPLE = "2026-01-02T03:04:05Z"
_FIELDS = 7
_LAST = 0xFFFF_FFFF
"""In the year 2106."""
_TIMES = 4096
"""Times that are remembered as text: the claims of one turn have one date."""
_COUNT = re.compile(r"^# (\d+) claims, written ", re.MULTILINE)


class ClaimKind(StrEnum):
    """Why a host has the VIP, strongest first."""

    PINNED = "pinned"
    CHOSEN = "chosen"
    """By ``vip renumber``."""
    GIVEN = "given"


class ClaimKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """What makes a claim the same claim wherever it is read."""

    host: Host
    vip: Address
    allocated_at: int
    cluster: str
    kind: ClaimKind


class Claim(msgspec.Struct, frozen=True, order=True, gc=False):
    """A cluster's word: this host has this address, since then. Times are Unix seconds."""

    host: Host
    vip: Address
    allocated_at: int
    cluster: str
    kind: ClaimKind
    retired_at: int | None = None
    reason: str = ""
    """Why it was retired: ``withdrawn``, ``unpinned``, ``collision``, ``replaced``…"""

    @property
    def key(self) -> ClaimKey:
        """Its identity."""
        return ClaimKey(self.host, self.vip, self.allocated_at, self.cluster, self.kind)

    @property
    def is_retired(self) -> bool:
        """Whether its cluster has taken it back."""
        return self.retired_at is not None

    def retire(self, at: int, reason: str) -> Claim:
        """Return it retired; a claim that is retired already keeps its date."""
        if self.retired_at is not None:
            return self
        return msgspec.structs.replace(self, retired_at=max(at, self.allocated_at), reason=reason)

    def merge(self, other: Claim) -> Claim:
        """Return the union with another reading of the same claim: the earlier retirement."""
        if other.retired_at is None:
            return self
        if self.retired_at is None:
            return other
        return min(self, other, key=lambda claim: (claim.retired_at, claim.reason))


def unite(*sides: Iterable[Claim]) -> dict[ClaimKey, Claim]:
    """Return the union of claims; of two retirements the earlier counts."""
    united: dict[ClaimKey, Claim] = {}
    for claims in sides:
        for claim in claims:
            known = united.get(claim.key)
            united[claim.key] = claim if known is None else known.merge(claim)
    return united


class Marker(msgspec.Struct, frozen=True, gc=False):
    """Which ledger this is, so that a first start and a lost ledger are told apart."""

    id: str
    created: int

    @property
    def begun(self) -> tuple[int, str]:
        """Sort key of when it was begun."""
        return (self.created, self.id)


@lru_cache(maxsize=_TIMES)
def format_time(at: int) -> str:
    """Return Unix seconds as UTC, RFC 3339."""
    return datetime.fromtimestamp(at, UTC).strftime(_TIME)


@lru_cache(maxsize=_TIMES)
def parse_time(text: str) -> int:
    """Return the Unix seconds of a UTC time as ``format_time`` and Kubernetes write it.

    Raises:
        ValueError: the text is no such time.
    """
    try:
        at = datetime.strptime(text, _TIME)  # noqa: DTZ007  # its format ends with UTC's letter
    except ValueError:
        raise ValueError(f"{text!r} is no time like {_EXAMPLE}") from None
    return int(at.replace(tzinfo=UTC).timestamp())


def format_claim(claim: Claim) -> str:
    """Return a claim as its line of text, without a newline."""
    retired = "-" if claim.retired_at is None else format_time(claim.retired_at)
    return " ".join(
        (
            claim.host,
            format_address(claim.vip),
            format_time(claim.allocated_at),
            claim.cluster,
            claim.kind,
            retired,
            claim.reason or "-",
        )
    )


def format_claims(claims: Iterable[Claim]) -> str:
    """Return claims as sorted lines, each with its newline."""
    return "".join(sorted(f"{format_claim(claim)}\n" for claim in claims))


def format_head(marker: Marker, *, cluster: str, count: int, now: int) -> str:
    """Return the lines above claims in a file: whose they are, and how many follow."""
    return (
        f"# ledger {marker.id} of cluster {cluster}, created {format_time(marker.created)}\n"
        f"# {count} claims, written {format_time(now)}\n"
    )


def parse_claims(text: str) -> tuple[Claim, ...]:
    """Return the claims of a text; empty lines and lines that begin with ``#`` are none.

    Raises:
        LedgerError: a line is no claim; the message has its number and the reason. Or there are
            not as many as the head says.
    """
    claims = []
    announced = [int(found[1]) for found in _COUNT.finditer(text)]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            claims.append(_parse_claim(line))
        except (ValueError, InvalidAddress) as error:
            raise LedgerError(f"line {number}: {error}: {line[:100]!r}") from None
    if announced and len(claims) != sum(announced):
        raise LedgerError(f"it has {len(claims)} claims, and its head says {sum(announced)}")
    return tuple(claims)


def _parse_date(text: str) -> int:
    """Return the time of a claim; one that clocks never reach would be every later claim's."""
    at = parse_time(text)
    if not 0 <= at <= _LAST:
        raise ValueError(f"{text} is no time of a claim")
    return at


def _parse_claim(line: str) -> Claim:
    fields = line.split(" ")
    if len(fields) != _FIELDS:
        raise ValueError(f"{len(fields)} fields, a claim has {_FIELDS}")
    host, vip, allocated_at, cluster, kind, retired_at, reason = fields
    if kind not in {*ClaimKind}:
        raise ValueError(f"{kind!r} is no kind of claim: {', '.join(ClaimKind)}")
    return Claim(
        Host(host),
        parse_address(vip),
        _parse_date(allocated_at),
        cluster,
        ClaimKind(kind),
        None if retired_at == "-" else _parse_date(retired_at),
        "" if "-" in (reason, retired_at) else reason,
    )
