"""Hosts that a person's own entry has in a cluster: two entries of one host break each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from globaldns.istio.notices import Code, Notice
from globaldns.istio.ports import RoutedPorts
from globaldns.model.address import Address, format_address
from globaldns.model.export import Export, ExportKind
from globaldns.routing.horizon import Horizon

_HINTS = {
    ExportKind.ROUTE: "globaldns diff shows what would be in its place; delete it to have that",
    ExportKind.SERVICE_ENTRY: "globaldns diff shows what it is to say: mend it",
}
_WRITTEN_BY_HAND = frozenset({ExportKind.SERVICE_ENTRY, ExportKind.ROUTE})


def is_own_entry(own: Export | None) -> bool:
    """Whether what a cluster itself offers under a host is a ServiceEntry of a person."""
    return own is not None and own.kind in _WRITTEN_BY_HAND


class Ours(msgspec.Struct, frozen=True):
    """What an entry of ours would have."""

    vip: Address
    ports: RoutedPorts
    horizon: Horizon
    identities: Collection[str] = ()


def tell_lacks(name: str, own: Export, ours: Ours) -> Notice | None:
    """Return what a person's entry lacks that ours would have; None: nothing, as far as is seen.

    Whether it leads to gateways too is not seen: those are no endpoints of its cluster.
    """
    lacks = tuple(_lacks(own, ours))
    if not lacks:
        return None
    return Notice(
        name,
        Code.OWN_ENTRY,
        f"{own.origin} has the host, so none is written beside it; {', and '.join(lacks)}",
        _HINTS[own.kind],
    )


def _lacks(own: Export, ours: Ours) -> Iterator[str]:
    ports = ours.ports.ports
    if ours.vip not in own.pins and any(port.is_routed_by_address for port in ports):
        yield f"it does not have {format_address(ours.vip)} in spec.addresses"
    theirs = {port.number: port for port in own.ports}
    if missing := [str(port.number) for port in ports if port.number not in theirs]:
        yield f"it does not have port {', '.join(missing)}"
    others = {target.cluster or target.network for target in ours.horizon.targets} - {own.cluster}
    if not others:
        return
    yield f"ours would lead to {', '.join(sorted(others))}"
    if ours.identities and not own.subject_alt_names:
        yield "it has no subjectAltNames: its clients accept any workload of the mesh"
    elif refused := sorted({*ours.identities} - {*own.subject_alt_names}):
        yield f"it does not have {', '.join(refused)} in spec.subjectAltNames"
