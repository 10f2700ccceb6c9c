"""What a ledger says beside its claims, in the first of its objects."""

from __future__ import annotations

import msgspec

from globaldns.model.fingerprint import Fingerprint

Uids = tuple[tuple[str, str], ...]
"""Which cluster each name stands for: by cluster's id the UID of namespace kube-system, sorted."""


def unite_uids(uids: Uids, better: Uids) -> Uids:
    """Return which cluster each name stands for by either; where they differ, by ``better``."""
    return tuple(sorted((dict(uids) | dict(better)).items()))


class Head(msgspec.Struct, frozen=True, gc=False):
    """What others are to know of its writer."""

    fingerprint: Fingerprint = Fingerprint()
    """Of what its writer has configured."""
    uids: Uids = ()
    """Which cluster its writer takes each name for."""
