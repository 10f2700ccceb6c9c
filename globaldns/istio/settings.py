"""What routes obey."""

from __future__ import annotations

import msgspec

from globaldns.config.routing import Sni


class RouteSettings(msgspec.Struct, frozen=True):
    """Those of one cluster."""

    cluster: str
    """Whose globaldns the documents belong to."""
    zones: tuple[str, ...]
    sni: Sni
    namespace: str
    """Where documents stand whose own namespace the cluster does not have."""
    trust_domain: str
