"""What a client does not get of a service, and why: for the person who can change that."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from globaldns.model.finding import Finding, Severity


class Code(StrEnum):
    """Why something is not served; stable, and the code of the finding."""

    UNANSWERED = "unanswered"
    UNHEARD = "unheard"
    """No cluster that exports it was heard in this run."""
    NO_VIP = "no-vip"
    LOCAL_VIP = "local-vip"
    """Its address is Istio's own allocation, which is another in every cluster."""
    NO_EXPORT = "no-export"
    """Nothing but routes written by hand is known of it."""
    NO_PORT = "no-tcp-port"
    RESOLUTION = "unroutable-resolution"
    OWN_ENTRY = "own-entry"
    """A person's entry has the host: two entries of one host break each other."""
    EXTRA_VIPS = "extra-vips"
    NOT_ROUTED = "not-routed"
    """A port that is not TCP."""
    PORT_NUMBER = "shared-port-number"
    NO_GATEWAY = "no-gateway"
    PLAINTEXT = "plaintext"
    """Endpoints without mutual TLS, where that is needed."""
    AMBIENT = "ambient"
    """Endpoints, or clients, that only their node's proxy speaks for."""
    DOUBLE = "double-address"
    """Endpoints with the address of another cluster's pods, in what is one network."""
    NO_SNI = "no-sni"
    """Nothing tells a far gateway whom a connection is for."""
    ADDRESS = "endpoint-address"
    TOO_MANY = "too-many"
    GATEWAY_NAME = "gateway-name"
    """A name of a gateway has no address."""
    UNKNOWN_GATEWAY = "unknown-gateway"
    """A network has gateways, and no address of any is known."""
    GATEWAY_ADDRESS = "gateway-address"
    """A name of a gateway has addresses at which none can be."""
    TAKEN_NAME = "taken-name"
    """An object that is not ours has the name of one of ours."""
    LEAVING = "leaving-namespace"
    """A namespace that is being deleted takes no replicated Service."""
    UNWRITTEN = "unwritten-route"
    """The API server does not take it."""
    OTHER_RULE = "other-rule"
    """A person's DestinationRule counts in place of ours."""
    SIDECAR = "hidden-by-sidecar"
    UNWATCHED = "unwatched-namespace"
    UNEXPORTED = "unexported"


class Notice(msgspec.Struct, frozen=True, order=True, gc=False):
    """One thing that is not served."""

    host: str
    """With its zone."""
    code: Code
    detail: str
    """Lower case, no full stop."""
    hint: str = ""


def to_finding(notice: Notice, cluster: str) -> Finding:
    """Return what people see of a notice about a cluster's routes."""
    return Finding(
        Severity.WARNING,
        notice.code.value,
        notice.detail,
        object=notice.host,
        hint=notice.hint,
        cluster=cluster,
    )
