"""What a cluster's DNS, or another resolver, is to be told, as text for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from globaldns.cli.places import format_advice, report_advice
from globaldns.coredns import custom, kubedns, openshift, rke2
from globaldns.coredns.authority import check_stub
from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.platforms import Detection, ManagedElsewhere
from globaldns.coredns.rendering import UNKNOWN, Build, Surroundings, render_blocks
from globaldns.coredns.resolvers import dnsmasq_conf, resolved_drop_in, unbound_conf
from globaldns.coredns.stub import Server, Stub
from globaldns.coredns.surroundings import surroundings_of
from globaldns.coredns.targets import Shape, Target
from globaldns.documents import format_yaml

if TYPE_CHECKING:
    from globaldns.app.stubbing import Looked


def render(looked: Looked, detection: Detection, stub: Stub) -> str:
    """Return what one DNS of a cluster is to be told, with its place in comments before it.

    Raises:
        StubError: it cannot be told that.
    """
    place = detection.place
    if isinstance(place, ManagedElsewhere):
        return format_advice(report_advice(looked, detection, stub))
    check_stub(stub, looked.authority)
    text = _snippet(place, stub, looked.base_of(detection), detection.build)
    return f"# {detection.platform}: {place}\n{text}"


def _snippet(place: Target, stub: Stub, base: str, build: Build) -> str:
    match place.shape:
        case Shape.COREFILE:
            return _blocks(stub, surroundings_of(parse_corefile(base)), build)
        case Shape.CUSTOM:
            return custom.install({}, base, stub, build)[place.key]
        case Shape.STUB_DOMAINS:
            return _stub_domains(stub)
        case Shape.OPENSHIFT:
            return _openshift(stub)
        case Shape.HELM_VALUES:
            return rke2.install(None, base, stub, build)


def _corefile(stub: Stub) -> str:
    return _blocks(stub, Surroundings(), UNKNOWN)


def _blocks(stub: Stub, at: Surroundings, build: Build) -> str:
    return "".join(f"{line}\n" for line in render_blocks(stub, at, build))


def _stub_domains(stub: Stub) -> str:
    return kubedns.install(None, stub)


def _openshift(stub: Stub) -> str:
    return format_yaml({"spec": {"servers": [openshift.server_entry(stub)]}})


def _resolved(stub: Stub) -> str:
    return resolved_drop_in(stub.domains, map(_with_port, stub.servers))


def _with_port(server: Server) -> str:
    host = f"[{server.address}]" if ":" in server.address else server.address
    return f"{host}:{server.port}"


FORMATS: Mapping[str, Callable[[Stub], str]] = {
    "corefile": _corefile,
    "stub-domains": _stub_domains,
    "openshift": _openshift,
    "dnsmasq": dnsmasq_conf,
    "unbound": unbound_conf,
    "resolved": _resolved,
}
"""By what ``--as`` takes: those that need nothing of a cluster."""
