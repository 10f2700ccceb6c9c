"""Weights as they are written: small, equal for equals, and within what an Envoy adds up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from globaldns.routing.horizon import Target

MAX_SUM = 2**31
"""Envoy refuses weights that add up to more than 2^32 - 1 (LbEndpoint.load_balancing_weight)."""


def reduced(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return targets with the smallest weights of the same proportions; 1 is the least of all.

    Where even those add up to too much they are scaled down, and the proportions are near.
    """
    weights = [target.weight for target in targets]
    divisor = math.gcd(*weights) or 1
    total = sum(weights) // divisor
    if total > MAX_SUM:
        scaled = [max(1, weight * MAX_SUM // (divisor * total * 2)) for weight in weights]
    else:
        scaled = [weight // divisor for weight in weights]
    pairs = zip(targets, scaled, strict=True)
    return tuple(replace(target, weight=weight) for target, weight in pairs)
