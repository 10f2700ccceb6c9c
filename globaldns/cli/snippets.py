"""What a cluster's DNS, or another resolver, is to be told, as text for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from globaldns.cli.notes import ANCHORS, DNSMASQ, RESOLVED, notes_in, notes_on, unseen_zones
from globaldns.cli.places import AdviceReport, format_advice, report_advice
from globaldns.coredns import custom, kubedns, openshift, rke2
from globaldns.coredns.authority import check_stub
from globaldns.coredns.corefile import Directive, parse_corefile
from globaldns.coredns.platforms import Detection, ManagedElsewhere
from globaldns.coredns.rendering import NEXT, UNKNOWN, Build, Surroundings, render_blocks
from globaldns.coredns.resolvers import (
    dnsmasq_conf,
    negative_anchors,
    resolved_drop_in,
    unbound_conf,
)
from globaldns.coredns.stub import Server, Stub, refuse_fallthrough
from globaldns.coredns.surroundings import surroundings_of
from globaldns.coredns.targets import Shape, Target
from globaldns.documents import format_yaml

if TYPE_CHECKING:
    from globaldns.app.stubbing import Looked

_OTHERS = (Directive((("forward", ".", "/etc/resolv.conf"),)),)
"""Whom a CoreDNS that was not seen asks for names of others: kubeadm's asks these."""


class Snippet(msgspec.Struct, frozen=True):
    """What is to be told, for programs."""

    place: str
    """Where: resource, object and key; without a cluster the word of ``--as``."""
    text: str
    notes: tuple[str, ...]
    """What has to be known of it."""
    platform: str = ""


class SnippetsReport(msgspec.Struct, frozen=True):
    """What all of a cluster's DNS is to be told, for programs."""

    places: tuple[Snippet, ...]
    elsewhere: tuple[AdviceReport, ...] = ()


def render_as(shape: str, stub: Stub) -> Snippet:
    """Return what is to be told where no cluster is seen; ``shape`` is one of ``FORMATS``.

    Raises:
        StubError: it cannot be told that.
    """
    text = FORMATS[shape](stub)
    return Snippet(shape, text, (*notes_on(shape, stub, text),))


def render(looked: Looked, detection: Detection, stub: Stub) -> Snippet | AdviceReport:
    """Return what one DNS of a cluster is to be told.

    Raises:
        StubError: it cannot be told that, or is never to.
    """
    place = detection.place
    if isinstance(place, ManagedElsewhere):
        return report_advice(looked, detection, stub)
    check_stub(stub, looked.authority)
    text = _snippet(place, stub, looked.base_of(detection), detection.build)
    notes = (*notes_in(place.shape, stub, text), *unseen_zones(looked.authority))
    return Snippet(str(place), text, notes, detection.platform)


def format_part(part: Snippet | AdviceReport) -> str:
    """Return a text with its place in comments before it."""
    if isinstance(part, AdviceReport):
        return format_advice(part)
    return f"# {part.platform}: {part.place}\n{part.text}"


def _snippet(place: Target, stub: Stub, base: str, build: Build) -> str:
    match place.shape:
        case Shape.COREFILE:
            return _blocks(stub, surroundings_of(parse_corefile(base)), build)
        case Shape.CUSTOM:
            return custom.render(base, stub, build)
        case Shape.STUB_DOMAINS:
            return _stub_domains(stub)
        case Shape.OPENSHIFT:
            return _openshift(stub)
        case Shape.HELM_VALUES:
            return rke2.install(None, base, stub, build)


def _corefile(stub: Stub) -> str:
    build = Build(version=NEXT) if stub.falling else UNKNOWN
    return _blocks(stub, Surroundings(forwards=_OTHERS), build)


def _blocks(stub: Stub, at: Surroundings, build: Build) -> str:
    return "".join(f"{line}\n" for line in render_blocks(stub, at, build))


def _stub_domains(stub: Stub) -> str:
    return kubedns.install(None, stub)


def _openshift(stub: Stub) -> str:
    return format_yaml({"spec": {"servers": [openshift.server_entry(stub)]}})


def _resolved(stub: Stub) -> str:
    refuse_fallthrough(stub, "systemd-resolved")
    return resolved_drop_in(stub.domains, map(_with_port, stub.servers))


def _anchors(stub: Stub) -> str:
    return negative_anchors(stub.domains)


def _with_port(server: Server) -> str:
    host = f"[{server.address}]" if ":" in server.address else server.address
    return f"{host}:{server.port}"


FORMATS: Mapping[str, Callable[[Stub], str]] = {
    Shape.COREFILE.value: _corefile,
    Shape.STUB_DOMAINS.value: _stub_domains,
    Shape.OPENSHIFT.value: _openshift,
    DNSMASQ: dnsmasq_conf,
    "unbound": unbound_conf,
    RESOLVED: _resolved,
    ANCHORS: _anchors,
}
"""By what ``--as`` takes: those that need nothing of a cluster."""
