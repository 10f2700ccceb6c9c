"""Where the files of a box are, and how its clusters' globaldns are configured. Pure.

::

    DIR/demo.sock   DIR/lock   DIR/box.lock
    DIR/box/        manifests/ID  config/ID.yaml  state/ID  trust  certificates/NAME
                    envoys/NAME   agents/NODE.*   logs
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from globaldns.demo.plan import (
    ADMIN_PORT,
    CLUSTERS,
    DNS_PORT,
    GATEWAY_PORT,
    MACHINES,
    POOL,
    TRUST_DOMAIN,
    ZONE,
    Workload,
)
from globaldns.envoy.rules import Credentials, EnvoyRules

SOCKET = "demo.sock"
BOX_LOCK = "box.lock"
"""Held by the box itself, which outlives who started it by a moment."""
MAX_SOCKET_OCTETS = 107
"""Of a unix socket's path (unix(7): ``sun_path``, less its last zero)."""
CERTIFICATE, KEY, AUTHORITY = "cert-chain.pem", "key.pem", "root-cert.pem"


class Layout(msgspec.Struct, frozen=True):
    """The paths of one box."""

    top: Path
    """Absolute."""

    @property
    def box(self) -> Path:
        """All that is removed with the box."""
        return self.top / "box"

    @property
    def trust(self) -> Path:
        """The root and each cluster's intermediate."""
        return self.box / "trust"

    @property
    def logs(self) -> Path:
        """A file for each process."""
        return self.box / "logs"

    def manifests(self, cluster: str) -> Path:
        """A cluster's directory of manifests."""
        return self.box / "manifests" / cluster

    def config(self, cluster: str) -> Path:
        """The configuration of a cluster's globaldns."""
        return self.box / "config" / f"{cluster}.yaml"

    def state(self, cluster: str) -> Path:
        """Its state directory."""
        return self.box / "state" / cluster

    def certificates(self, name: str) -> Path:
        """Where a client, named as its cluster, or a workload has what it shows."""
        return self.box / "certificates" / name

    def envoy(self, name: str) -> Path:
        """Where an Envoy has its bootstrap, a workload's its documents too."""
        return self.box / "envoys" / name

    def documents(self, cluster: str) -> Path:
        """Where a cluster's globaldns keeps the documents of its client and its gateways."""
        return self.box / "documents" / cluster

    def agent(self, node: str) -> Path:
        """The socket of the agent in a namespace."""
        return self.box / "agents" / f"{node}.sock"

    def longest_socket(self) -> Path:
        """The socket with the longest path."""
        return self.envoy("reviews-v2-1") / "admin.sock"


def settings(layout: Layout, cluster: str) -> dict[str, Any]:
    """Return the configuration of a cluster's globaldns."""
    shown = layout.certificates(cluster)
    return {
        "cluster": cluster,
        "state": str(layout.state(cluster)),
        "zones": [ZONE],
        "grace": "3s",
        "lame_duck": "0s",
        "clusters": {
            one.name: {
                "source": {"directory": str(layout.manifests(one.name))},
                "network": one.network,
            }
            for one in CLUSTERS
        },
        "vips": {"pools": [POOL]},
        "dns": {"listen": [f"127.0.0.1:{DNS_PORT}"], "ttl": "5s"},
        "admin": {"listen": f"127.0.0.1:{ADMIN_PORT}"},
        "routing": {
            "direct_networks": [MACHINES],
            "trust_domain": TRUST_DOMAIN,
            "probes": {"interval": "1s", "timeout": "1s"},
        },
        "envoy": {
            "directory": str(layout.documents(cluster)),
            "gateway": f"0.0.0.0:{GATEWAY_PORT}",
            "certificate": str(shown / CERTIFICATE),
            "key": str(shown / KEY),
            "authority": str(shown / AUTHORITY),
        },
    }


def workload_rules(layout: Layout, workload: Workload) -> EnvoyRules:
    """Return what the documents of the Envoy in front of a workload obey."""
    shown = layout.certificates(workload.name)
    return EnvoyRules(
        cluster=workload.cluster,
        folder=str(layout.envoy(workload.name)),
        credentials=Credentials(
            *(str(shown / name) for name in (CERTIFICATE, KEY, AUTHORITY)),
        ),
        trust_domain=TRUST_DOMAIN,
    )
