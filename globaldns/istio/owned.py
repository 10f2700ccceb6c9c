"""Hosts that a person's own entry has in a cluster: two entries of one host break each other."""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.istio.notices import Code, Notice
from globaldns.istio.ports import RoutedPorts
from globaldns.model.address import Address, format_address
from globaldns.model.export import Export, ExportKind
from globaldns.routing.horizon import Horizon

_WRITTEN_BY_HAND = frozenset({ExportKind.SERVICE_ENTRY, ExportKind.ROUTE})


def is_own_entry(own: Export | None) -> bool:
    """Whether what a cluster itself offers under a host is a ServiceEntry of a person."""
    return own is not None and own.kind in _WRITTEN_BY_HAND


def tell_lacks(
    name: str, own: Export, *, vip: Address, ports: RoutedPorts, horizon: Horizon
) -> Notice | None:
    """Return what a person's entry lacks that ours would have; None: nothing, as far as is seen.

    Whether it leads to gateways too is not seen: those are no endpoints of its cluster.
    """
    lacks = tuple(_lacks(own, vip, ports, horizon))
    if not lacks:
        return None
    return Notice(
        name,
        Code.OWN_ENTRY,
        f"{own.origin} has the host, so none is written beside it; {', and '.join(lacks)}",
        "delete it to have one written, or mend it",
    )


def _lacks(own: Export, vip: Address, ports: RoutedPorts, horizon: Horizon) -> Iterator[str]:
    if vip not in own.pins and any(port.is_routed_by_address for port in ports.ports):
        yield f"it does not have {format_address(vip)} in spec.addresses"
    others = {target.cluster or target.network for target in horizon.targets} - {own.cluster}
    if others:
        yield f"ours would lead to {', '.join(sorted(others))}"
