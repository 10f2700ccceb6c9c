"""How long certificates live, and what is wrong with one for its time. Pure.

Times are Unix seconds. RFC 5280 section 4.1.2.5: both ends of a validity are inside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

DAY_SECONDS = 86_400
ROOT_DAYS = 3650
"""Ten years: replacing a root means touching every cluster twice."""
INTERMEDIATE_DAYS = 730
"""Two years, as Istio's own ``tools/certs``."""
MAX_DAYS = 36_500
"""A longer life than a century is a slip of the hand."""
SKEW_SECONDS = 120
"""How far back a certificate is dated, as Istio does: clocks of a mesh differ."""
SOON_SECONDS = 30 * DAY_SECONDS
"""A month: enough to issue another certificate and bring it to every cluster."""


class Validity(msgspec.Struct, frozen=True):
    """From when until when a certificate is valid."""

    begins: int
    expires: int

    def includes(self, at: int) -> bool:
        """Whether a certificate is valid at a time."""
        return self.begins <= at <= self.expires


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with certificates, with its place and remedy."""

    place: str
    """A cluster's id, or the path of a file."""
    code: str
    """Stable, kebab-case, for programs."""
    reason: str
    """Lower case, no full stop."""
    hint: str = ""
    is_fatal: bool = True
    """Whether the mesh fails for it; otherwise it is a warning."""


def choose_validity(now: int, days: int, issuer: Validity | None = None) -> Validity:
    """Return the validity of a new certificate, which stays inside its issuer's."""
    begins, expires = now - SKEW_SECONDS, now + days * DAY_SECONDS
    if issuer is None:
        return Validity(begins, expires)
    return Validity(max(begins, issuer.begins), min(expires, issuer.expires))


def find_time_faults(
    validity: Validity, now: int, *, place: str, name: str, hint: str
) -> Iterator[Fault]:
    """Yield what is wrong with a certificate at a time; ``hint`` says how to replace it."""
    left = validity.expires - now
    if left < 0:
        yield Fault(place, "certificate-expired", f"{name} expired {_days(-left)} ago", hint)
    elif validity.begins > now:
        reason = f"{name} is not valid before {_days(validity.begins - now)} from now"
        yield Fault(place, "certificate-early", reason, "compare this machine's clock with others'")
    elif left < SOON_SECONDS:
        reason = f"{name} expires in {_days(left)}"
        yield Fault(place, "certificate-expiring", reason, hint, is_fatal=False)


def _days(seconds: int) -> str:
    """Return a length of time in days, or hours where it is less than two."""
    if seconds < 2 * DAY_SECONDS:
        hours = seconds // 3600
        return f"{hours} hour" + ("s" if hours != 1 else "")
    return f"{seconds // DAY_SECONDS} days"
