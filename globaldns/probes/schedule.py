"""When what is repeated is due: spread over gateways and replicas, without a memory.

Time is cut into slots of one interval. In every slot a gateway is due once, at a place that a hash
of gateway and replica chooses, give or take some jitter, so that neither all gateways of a replica
nor all replicas of a cluster probe at once, and nobody falls into step with anything::

    slot      |         |         |         |
    due       |  ·      |   ·     |  ·      |
               <┄>  phase: always the same, of [0, 1 - JITTER)
                 ~  jitter: another in every slot, of [0, JITTER)
"""

from __future__ import annotations

from hashlib import blake2b
from math import floor

from globaldns.model.export import Gateway

JITTER = 0.1
"""Of an interval: two probes in a row are 0.9 to 1.1 intervals apart."""

_OCTETS = 8
_SPAN = float(1 << 8 * _OCTETS)


def seed_of(gateway: Gateway, replica: str) -> bytes:
    """Return what places a gateway's probes by one replica in their slots."""
    text = "\0".join(
        (replica, gateway.cluster, gateway.network, gateway.address, str(gateway.port))
    )
    return blake2b(text.encode(), digest_size=_OCTETS).digest()


def next_due(seed: bytes, interval: float, after: float) -> float:
    """Return the first time later than another at which something is due; steady seconds."""
    slot = floor(after / interval)
    due = _due(seed, interval, slot)
    return due if due > after else _due(seed, interval, slot + 1)


def _due(seed: bytes, interval: float, slot: int) -> float:
    phase = (1 - JITTER) * int.from_bytes(seed) / _SPAN
    return interval * (slot + phase + JITTER * _chance(seed, slot))


def _chance(seed: bytes, slot: int) -> float:
    """Return a number of [0, 1) that a slot always has."""
    digest = blake2b(str(slot).encode(), key=seed, digest_size=_OCTETS).digest()
    return int.from_bytes(digest) / _SPAN
