"""A ledger cut into objects: which host's claims stand in which, and what an object's text becomes.

An API server takes a shard of a hundred claims in a millisecond, and refuses objects above 1.5 MiB.
So there are 1,024 shards for each cluster that is spoken of, by the first ten bits of the host's
hash, and only those that hold something::

    own-2f1                 claims of our own cluster
    deputy-5d41402a-2f1     claims that we make for a cluster which keeps no ledger
    copy-7d793037-2f1       what another cluster's ledger says, for a restart while it is away
    former-7d793037-2f1     what a ledger said that it has lost
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from hashlib import blake2b

import msgspec

from globaldns.errors import LedgerError
from globaldns.model.claim import Claim, format_claims, parse_claims, unite
from globaldns.model.host import Host
from globaldns.objects.own import LedgerRole

SHARDS = 1024
MAX_OCTETS = 1_300_000
"""Of a text; etcd refuses requests of 1.5 MiB."""

_DIGEST_OCTETS = 8
_BITS = 10


class ShardId(msgspec.Struct, frozen=True, order=True):
    """Which object of a ledger."""

    role: LedgerRole
    cluster: str
    """Whose claims it holds."""
    number: int

    @property
    def name(self) -> str:
        """The object's name."""
        if self.role is LedgerRole.OWN:
            return f"{self.role}-{self.number:03x}"
        return f"{self.role}-{_digest(self.cluster)}-{self.number:03x}"


@cache
def _digest(cluster: str) -> str:
    """Return what stands for a cluster's id in a name, which allows less than an id does."""
    return blake2b(cluster.encode(), digest_size=_DIGEST_OCTETS).hexdigest()


def shard_of(host: Host) -> int:
    """Return the number of a host's shard."""
    first = blake2b(host.encode(), digest_size=2).digest()
    return int.from_bytes(first) >> (16 - _BITS)


def by_shard(role: LedgerRole, claims: Iterable[Claim]) -> dict[ShardId, list[Claim]]:
    """Return claims by the shard that they belong to."""
    found: dict[ShardId, list[Claim]] = {}
    for claim in claims:
        found.setdefault(ShardId(role, claim.cluster, shard_of(claim.host)), []).append(claim)
    return found


def read_text(text: str, where: str) -> tuple[Claim, ...]:
    """Return the claims of a shard's text.

    Raises:
        LedgerError: a line is no claim.
    """
    try:
        return parse_claims(text)
    except LedgerError as error:
        raise LedgerError(f"VIPLedger {where}: {error}", hint="restore or delete it") from None


def lost(known: Iterable[Claim], said: Iterable[Claim]) -> list[Claim]:
    """Return what a text lacks that it had: retired claims may be forgotten, others never are."""
    united = unite(said)
    return [claim for claim in known if not claim.is_retired and claim.key not in united]


def among(claims: Iterable[Claim], said: Iterable[Claim]) -> list[Claim]:
    """Return those of claims that are said too, retired or not."""
    keys = {claim.key for claim in said}
    return [claim for claim in claims if claim.key in keys]


def format_shard(claims: Collection[Claim], where: str) -> str:
    """Return the text of a shard.

    Raises:
        LedgerError: there are too many.
    """
    text = format_claims(claims)
    if len(text) > MAX_OCTETS:
        raise LedgerError(
            f"VIPLedger {where} would have {len(text)} octets, {MAX_OCTETS} are allowed",
            hint="split the mesh: it has more hosts than one ledger holds",
        )
    return text
