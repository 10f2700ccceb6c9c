"""What has to be known beside a text that tells a cluster's DNS, or another resolver, of us."""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.coredns.authority import Authority
from globaldns.coredns.platforms import Platform
from globaldns.coredns.rke2 import are_all_ours
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Shape
from globaldns.stubs.shapes import Change, text_of

DNSMASQ, RESOLVED, ANCHORS = "dnsmasq", "resolved", "resolved-anchors"
"""Of resolvers that are no cluster's DNS."""
_FORCE_TCP, _CACHE = "stub.force_tcp", "stub.cache: 0s"
_UNSAID: dict[str, tuple[str, ...]] = {
    Shape.STUB_DOMAINS: (_FORCE_TCP, _CACHE),
    Shape.OPENSHIFT: (_CACHE,),
    DNSMASQ: (_FORCE_TCP, _CACHE),
    RESOLVED: (_FORCE_TCP, _CACHE),
    Platform.GKE_AUTOPILOT: (_FORCE_TCP, _CACHE),
    Platform.GKE_CLOUD_DNS: (_FORCE_TCP, _CACHE),
    Platform.CCE: (_FORCE_TCP, _CACHE),
    Platform.ACK: (_CACHE,),
}
"""Keys of the configuration that a shape, or what a vendor is told, has no word for."""
_FALLTHROUGH = (
    "foreign: fallthrough takes CoreDNS 1.11.4 or later; in place of forward . /etc/resolv.conf "
    "belongs what the root zone's block forwards with"
)
_ANCHORS = (
    f"where resolved validates (DNSSEC=), it needs render --as {ANCHORS} too, as "
    "/etc/dnssec-trust-anchors.d/globaldns.negative"
)
_SERVERS = (
    "the values have all servers of the Corefile now, ours among them: what later charts change in "
    "theirs does not come until ours are removed"
)


def notes_on(shape: str, stub: Stub, text: str) -> Iterator[str]:
    """Yield what has to be known of a text without a cluster; ``shape`` is a word of ``--as``."""
    if shape == Shape.COREFILE and stub.falling:
        yield _FALLTHROUGH
    if shape == RESOLVED:
        yield _ANCHORS
    yield from notes_in(shape, stub, text)


def notes_in(shape: str, stub: Stub, text: str) -> Iterator[str]:
    """Yield what has to be known of a text for a cluster whose DNS was seen."""
    yield from left_out(shape, stub)
    if shape == Shape.HELM_VALUES and are_all_ours(text):
        yield _SERVERS


def left_out(shape: str, stub: Stub) -> Iterator[str]:
    """Yield which keys of the configuration are not in a text; ``shape`` may be a platform too."""
    said = {_FORCE_TCP: stub.force_tcp, _CACHE: not stub.cache_seconds}
    unsaid = [key for key in _UNSAID.get(shape, ()) if said[key]]
    if unsaid:
        yield f"{shape} has no word for {', '.join(unsaid)}: left out"


def unseen_zones(authority: Authority) -> Iterator[str]:
    """Yield which zones of the cluster's DNS itself cannot be told from ours."""
    for key in authority.unknown:
        yield (
            f"the cluster's DNS answers {key.zone} itself, and has it from its environment: see "
            "that it is no zone of ours, nor above or below one"
        )


def notes_of(change: Change, stub: Stub, authority: Authority) -> tuple[str, ...]:
    """Return what has to be known of a change; of copied servers only where they come."""
    if not change.is_needed:
        return ()
    before, after = (text_of(change.place, one) for one in (change.before, change.after))
    notes = notes_in(change.place.shape, stub, after)
    told = (note for note in notes if note != _SERVERS or not are_all_ours(before))
    return (*told, *unseen_zones(authority))
