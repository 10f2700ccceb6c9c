"""Labels and annotations that mean something here, by their names."""

from __future__ import annotations

from globaldns.errors import InvalidAddress, InvalidObject
from globaldns.model.address import Address, parse_address
from globaldns.objects import Metadata

OWNED_BY = "globaldns.io/owned-by"
"""On all that a globaldns writes; its value is the cluster."""
HOST = "globaldns.io/host"
"""On a GlobalService that we wrote in our own namespace for want of its host's: that host."""
BLANK = "globaldns.io/blank"
"""``true`` on a GlobalService that we wrote and nobody has written a spec into: no cluster needs to
read it."""
REMOVED_KINDS = "globaldns.io/removed-kinds"
"""On Namespace kube-system: kinds, separated by commas, that were removed for good with their
CustomResourceDefinitions, like ``serviceentries.networking.istio.io``."""
SYSTEM = "kube-system"
"""The Namespace that stands for the whole cluster."""
VIP = "globaldns.io/vip"
"""Pins addresses, separated by commas."""
NETWORK = "topology.istio.io/network"
"""Network of a workload, of a gateway, or (on the system namespace) of a cluster."""
GATEWAY_PORT = "networking.istio.io/gatewayPort"
"""Port of a gateway that is not on Istio's 15443."""
SLICE_SERVICE = "kubernetes.io/service-name"
"""On an EndpointSlice, the Service that it belongs to."""
REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
DATAPLANE = "istio.io/dataplane-mode"
"""``ambient`` on a Pod, or on the Namespace of Pods that say nothing else: a Pod without a sidecar,
for which its node speaks HBONE."""
AMBIENT = "ambient"
"""Its value."""
LOCALITY = "istio-locality"
"""Locality of a workload, with dots for slashes."""


def is_owned(metadata: Metadata) -> bool:
    """Whether a globaldns wrote the object, so that it is never an export nor a pin."""
    return OWNED_BY in metadata.labels or OWNED_BY in metadata.annotations


def is_elsewhere(metadata: Metadata) -> bool:
    """Whether we wrote a GlobalService where its name says nothing of its host."""
    return HOST in metadata.annotations and is_owned(metadata)


def removed_kinds(metadata: Metadata) -> frozenset[str]:
    """Return the kinds that an annotation says were removed for good."""
    texts = metadata.annotations.get(REMOVED_KINDS, "").split(",")
    return frozenset(kind for text in texts if (kind := text.strip()))


def annotated_pins(metadata: Metadata) -> tuple[Address, ...]:
    """Return the addresses that the annotation pins.

    Raises:
        InvalidObject: one is no address.
    """
    text = metadata.annotations.get(VIP)
    if text is None:
        return ()
    return parse_pins(text.split(","), path=f'$.metadata.annotations["{VIP}"]')


def parse_pins(texts: list[str] | tuple[str, ...], *, path: str) -> tuple[Address, ...]:
    """Return addresses as they are pinned, each once.

    Raises:
        InvalidObject: one is no address.
    """
    try:
        return tuple(dict.fromkeys(parse_address(text.strip()) for text in texts))
    except InvalidAddress as error:
        raise InvalidObject(
            str(error),
            path=path,
            code="pin-address",
            hint="write addresses, without a prefix length",
        ) from None
