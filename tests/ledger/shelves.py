"""VIPLedger objects as a server has them, and claims for them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from globaldns.ledger.objects import Held
from globaldns.ledger.shards import ShardId, shard_of
from globaldns.model.address import parse_address
from globaldns.model.claim import Claim, ClaimKind, Marker, format_claims, format_time
from globaldns.model.host import Host
from globaldns.objects.own import LedgerRole

START = 1767323045
FIRST, SECOND = Marker("first", START), Marker("second", START + 1)
OWN, DEPUTY, COPY, FORMER = LedgerRole


def claim(host: str = "a.ns", vip: str = "240.128.0.1", at: int = START, **fields: Any) -> Claim:
    values = {"cluster": "east", "kind": ClaimKind.GIVEN} | fields
    return Claim(Host(host), parse_address(vip), at, **values)


def hosts_of(number: int, count: int) -> list[str]:
    """Return hosts that stand in one shard."""
    names = (f"h{n}.ns" for n in range(1_000_000))
    return list(islice((name for name in names if shard_of(Host(name)) == number), count))


def held(
    claims: Iterable[Claim] | str,
    version: int,
    *,
    role: LedgerRole = OWN,
    cluster: str = "east",
    number: int = 1,
    marker: Marker = FIRST,
) -> Held:
    shard = ShardId(role, cluster, number)
    text = claims if isinstance(claims, str) else format_claims(claims)
    return Held(shard, shard.name, marker, text, str(version))


def manifest(one: Held, namespace: str = "globaldns") -> dict[str, Any]:
    """Return an object as somebody puts it on a server."""
    return {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": "VIPLedger",
        "metadata": {
            "name": one.name,
            "namespace": namespace,
            "labels": {"globaldns.io/owned-by": "east"},
        },
        "spec": {
            "cluster": one.id.cluster,
            "role": str(one.id.role),
            "marker": {"id": one.marker.id, "created": format_time(one.marker.created)},
            "data": one.text,
        },
    }


CLUSTERS = st.text("aZ9-_.", min_size=1, max_size=63)
CLAIMS = st.builds(
    claim,
    st.sampled_from([f"{name}.{space}" for name in "abcdefghij" for space in ("x", "y-1")]),
    st.sampled_from([f"240.128.0.{n}" for n in range(1, 6)]),
    st.integers(START, START + 3),
    cluster=st.sampled_from(["east", "West_1", "a.b"]),
    kind=st.sampled_from(ClaimKind),
    retired_at=st.none() | st.integers(START, START + 9),
    reason=st.sampled_from(["", "withdrawn", "collision"]),
).map(lambda one: one if one.is_retired else structs.replace(one, reason=""))
