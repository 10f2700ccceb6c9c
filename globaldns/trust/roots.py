"""Whether clusters trust the same roots, decided from what each says. Pure.

A proxy believes what is signed below a root of its own cluster's bundle. Two clusters speak where
their bundles have a root in common. While roots are rotated, bundles hold the old and the new one;
a cluster that lacks one of them refuses whatever is signed below it.

What clusters are compared with is the root that most of them have::

    east {1}      west {1}      flat {1}         all share 1
    east {1}      west {1,2}    flat {1}         share 1; east and flat lack 2: a warning for each
    east {1}      west {2}      flat {1}         west is foreign: an error, which names it
    east {1}      west {2}                       none has more than the other: an error for each
    east {1}      west {1,2}    flat {2}         the same: each root has two clusters
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from globaldns.trust.validity import Fault, Validity, find_time_faults

_SHORT = 16
"""Digits of a fingerprint that people compare: 64 bits."""
_SHOWN_CLUSTERS = 3
_ROTATE = (
    "issue a new root (globaldns certs init) and rotate to it: "
    "both roots in every cluster's bundle until every intermediate is below the new one"
)
_REPLACE = (
    "give it an intermediate below their root (globaldns certs intermediate) as Secret cacerts, "
    "and restart istiod"
)
_CHOOSE = (
    "choose one root, give every cluster an intermediate below it "
    "(globaldns certs intermediate) as Secret cacerts, and restart istiod"
)
_FINISH = "add the root to its bundle, or take it out of the others'"


class Root(msgspec.Struct, frozen=True):
    """A certificate that is believed without an issuer."""

    fingerprint: str
    """SHA-256 of its DER octets, in lower-case hexadecimal digits."""
    subject: str
    """RFC 4514, with what cannot be printed escaped."""
    validity: Validity

    @property
    def short(self) -> str:
        """The beginning of its fingerprint."""
        return self.fingerprint[:_SHORT]


class Bundle(msgspec.Struct, frozen=True):
    """The roots that one cluster believes."""

    cluster: str
    """Its id, or what else names it."""
    roots: tuple[Root, ...] = ()
    """None: they are not known."""
    reason: str = ""
    """Why they are not known."""
    hint: str = ""

    @property
    def fingerprints(self) -> frozenset[str]:
        """What makes its roots the same as another's."""
        return frozenset(root.fingerprint for root in self.roots)


class Standing(StrEnum):
    """How a cluster's roots compare with those of the others."""

    SHARED = "shared"
    PARTIAL = "partial"
    """It shares a root, and lacks another that some have."""
    FOREIGN = "foreign"
    """It lacks the root that most have."""
    DIFFERS = "differs"
    """No root is in common, and none is that of most clusters alone."""
    ALONE = "alone"
    """The roots of no other cluster are known."""
    UNKNOWN = "unknown"


class Comparison(msgspec.Struct, frozen=True):
    """How all clusters stand, and what is wrong, in the order of the clusters."""

    standings: Mapping[str, Standing]
    faults: tuple[Fault, ...]


def compare_roots(bundles: Sequence[Bundle], now: int) -> Comparison:
    """Compare the roots of clusters at a Unix time; every cluster has one bundle."""
    believed = [_drop_invalid(bundle, now) for bundle in bundles]
    known = [bundle for bundle in believed if bundle.roots]
    common = _find_common(known)
    standings = {bundle.cluster: _stand(bundle, known, common) for bundle in believed}
    faults: list[Fault] = []
    for said, bundle in zip(bundles, believed, strict=True):
        faults += _find_differences(bundle, known, common, standings[bundle.cluster])
        faults += _find_time_faults(said, is_fatal=said == bundle, now=now)
    return Comparison(standings, tuple(faults))


def _drop_invalid(bundle: Bundle, now: int) -> Bundle:
    """Return a bundle without what nobody believes now, unless that is all there is."""
    valid = tuple(root for root in bundle.roots if root.validity.includes(now))
    return msgspec.structs.replace(bundle, roots=valid or bundle.roots)


def _holders(known: Iterable[Bundle]) -> Mapping[str, frozenset[str]]:
    """Return the clusters that have a root, by its fingerprint."""
    holders: dict[str, set[str]] = {}
    for bundle in known:
        for fingerprint in bundle.fingerprints:
            holders.setdefault(fingerprint, set()).add(bundle.cluster)
    return {fingerprint: frozenset(clusters) for fingerprint, clusters in holders.items()}


def _find_common(known: Sequence[Bundle]) -> frozenset[str]:
    """Return the fingerprints of the roots that most clusters have; empty: there are none."""
    holders = _holders(known)
    most = max(map(len, holders.values()), default=0)
    leading = {clusters for clusters in holders.values() if len(clusters) == most}
    if len(leading) != 1 or 2 * most <= len(known):
        return frozenset()
    return frozenset(one for one, clusters in holders.items() if len(clusters) == most)


def _stand(bundle: Bundle, known: Sequence[Bundle], common: frozenset[str]) -> Standing:
    if not bundle.roots:
        return Standing.UNKNOWN
    if len(known) == 1:
        return Standing.ALONE
    if not common:
        return Standing.DIFFERS
    if not common & bundle.fingerprints:
        return Standing.FOREIGN
    return Standing.PARTIAL if _lacking(bundle, known, common) else Standing.SHARED


def _lacking(bundle: Bundle, known: Sequence[Bundle], common: frozenset[str]) -> Mapping[str, Root]:
    """Return what a cluster lacks of the roots of those with which it shares one."""
    sharing = (other for other in known if common & other.fingerprints)
    return {
        root.fingerprint: root
        for other in sharing
        for root in other.roots
        if root.fingerprint not in bundle.fingerprints
    }


def _find_differences(
    bundle: Bundle, known: Sequence[Bundle], common: frozenset[str], standing: Standing
) -> Iterator[Fault]:
    place = bundle.cluster
    match standing:
        case Standing.UNKNOWN:
            reason = f"its root is not known: {bundle.reason}"
            yield Fault(place, "root-unknown", reason, bundle.hint, is_fatal=False)
        case Standing.DIFFERS:
            own = " and ".join(f"SHA-256 {root.fingerprint}" for root in bundle.roots)
            reason = f"no root is in common, and no cluster the odd one out; here it is {own}"
            yield Fault(place, "root-differs", reason, _CHOOSE)
        case Standing.FOREIGN:
            own = " and ".join(map(_describe, bundle.roots))
            theirs = " or ".join(map(_describe, _roots_of(known, common)))
            sharing = _name([one.cluster for one in known if common & one.fingerprints])
            reason = f"its root is {own}, and not {theirs} as in {sharing}: they refuse each other"
            yield Fault(place, "root-foreign", reason, _REPLACE)
        case Standing.PARTIAL:
            for root in _lacking(bundle, known, common).values():
                having = [one.cluster for one in known if root.fingerprint in one.fingerprints]
                reason = (
                    f"it lacks the root {_describe(root)}, which {_name(having)} "
                    f"{'has' if len(having) == 1 else 'have'}: what is below it is refused here"
                )
                yield Fault(place, "root-lacking", reason, _FINISH, is_fatal=False)
        case Standing.SHARED | Standing.ALONE:
            return


def _roots_of(known: Iterable[Bundle], fingerprints: frozenset[str]) -> Iterable[Root]:
    return {
        root.fingerprint: root
        for bundle in known
        for root in bundle.roots
        if root.fingerprint in fingerprints
    }.values()


def _find_time_faults(bundle: Bundle, *, is_fatal: bool, now: int) -> Iterator[Fault]:
    """Yield what is wrong for its time; fatal unless another root is valid."""
    for root in bundle.roots:
        name = f"the root {_describe(root)}"
        for fault in find_time_faults(
            root.validity, now, place=bundle.cluster, name=name, hint=_ROTATE
        ):
            yield msgspec.structs.replace(fault, is_fatal=fault.is_fatal and is_fatal)


def _describe(root: Root) -> str:
    return f"{root.short}… ({root.subject})"


def _name(clusters: Sequence[str]) -> str:
    """Return the names of clusters, of many the first and how many more."""
    shown = ", ".join(clusters[:_SHOWN_CLUSTERS])
    more = len(clusters) - _SHOWN_CLUSTERS
    return f"{shown} and {more} more" if more > 0 else shown
