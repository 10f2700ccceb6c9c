"""The box's certificates: one root, an intermediate for each cluster, and what each Envoy shows."""

from __future__ import annotations

import os

from globaldns.demo.layout import AUTHORITY, CERTIFICATE, KEY, Layout
from globaldns.demo.plan import CLUSTERS, WORKLOADS, client_id
from globaldns.trust.issuing import (
    Authority,
    KeyType,
    Workload,
    issue_intermediate,
    issue_root,
    issue_workload,
)
from globaldns.trust.layout import ROOT_CERT, format_cacerts, format_root, write_files

DAYS = 30
"""A box does not live longer."""


def write_credentials(layout: Layout, now: int) -> None:
    """Make a root and all that it signs.

    Raises:
        OSError: a file cannot be written.
    """
    root = issue_root(organization="Mesh in a box", key_type=KeyType.EC, now=now, days=DAYS)
    write_files(layout.trust, format_root(root))
    for cluster in CLUSTERS:
        authority = issue_intermediate(root, cluster.name, now=now, days=DAYS)
        write_files(layout.trust / cluster.name, format_cacerts(authority))
        show(layout, cluster.name, authority, client_id(cluster.name), now)
        for workload in WORKLOADS:
            if workload.is_mutual and workload.cluster == cluster.name:
                show(layout, workload.name, authority, workload.service.spiffe_id, now)


def show(layout: Layout, name: str, authority: Authority, spiffe_id: str, now: int) -> None:
    """Have an Envoy show who it is; one that runs takes it at once.

    Raises:
        OSError: a file cannot be written.
    """
    made = issue_workload(authority, spiffe_id, now=now, days=DAYS)
    folder = layout.certificates(name)
    folder.mkdir(parents=True, exist_ok=True)
    root = (layout.trust / ROOT_CERT).read_bytes()
    for file, content in _files(made, root).items():
        new = folder / f"{file}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        new.replace(folder / file)


def _files(made: Workload, root: bytes) -> dict[str, bytes]:
    """Return the files of an Envoy, the certificate last: its key is there when it is seen."""
    return {AUTHORITY: root, KEY: made.key, CERTIFICATE: made.chain}
