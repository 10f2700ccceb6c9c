"""What one cluster may export, as its configuration says."""

from __future__ import annotations

from msgspec import Struct

from globaldns.config.schema import Allow, ExportSettings, GatewayAddress


class ExportRules(Struct, frozen=True, kw_only=True):
    """The settings of one cluster that decide what becomes of its objects."""

    cluster: str
    home: str = ""
    """Our own cluster's id: copies of its ledger that others keep are of use to us."""
    zones: tuple[str, ...]
    """The zones that are served, in their order."""
    exports: ExportSettings = ExportSettings()
    allow: Allow = Allow()
    namespace_selector: tuple[tuple[str, str], ...] = ()
    """Labels that a Namespace must have for anything in it to be exported."""
    network: str = ""
    """Network of its endpoints; empty: as the label of the system namespace says."""
    gateways: tuple[GatewayAddress, ...] = ()
    """Its gateways by hand; empty: as labelled Services say."""
    pools: tuple[str, ...] = ()
    """CIDRs of virtual IPs, where no gateway is."""
    system_namespace: str = "istio-system"
    nameserver: str = "ns"
    """The label below each zone that no service may have."""
    records_per_name: int = 256
    """More addresses or ports than this are refused."""
