"""Each cluster's ledger, begun before its globaldns runs and shown to the others as it grows.

In Kubernetes a ledger is VIPLedger objects, which all clusters read. Here it is a file of each
cluster's globaldns; what stands in it is written as such an object into its cluster's manifests.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from globaldns.demo.layout import Layout
from globaldns.demo.manifests import ledger_manifest
from globaldns.ledger.opening import OnLoss, open_ledger, read_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.state import StateDirectory
from globaldns.state.replacing import replace_file

LEDGER = "ledger.db"
SHOWN = "ledger.json"
_PATHS = (LEDGER, f"{LEDGER}-wal")
"""What changes when anything is written."""


class ShownLedger:
    """One cluster's ledger, beside its manifests."""

    def __init__(self, layout: Layout, cluster: str) -> None:
        self._cluster = cluster
        self._state = StateDirectory(layout.state(cluster))
        self._file = layout.manifests(cluster) / SHOWN
        self._seen: tuple[object, ...] = ()
        self._text = b""

    def begin(self, now: int) -> None:
        """Make it, empty, and show it: nobody numbers for a cluster that keeps one.

        Raises:
            LedgerError: it cannot be made.
            StateError: its directory cannot be written.
        """
        self._state.lock(now)
        try:
            with open_ledger(
                self._state, LEDGER, cluster=self._cluster, now=now, on_loss=OnLoss.REFUSE
            ) as ledger:
                self._show(ledger)
        finally:
            self._state.unlock()

    def follow(self) -> bool:
        """Show what has changed; return whether anything has.

        Raises:
            LedgerError: it cannot be read.
        """
        seen = tuple(_stamp(self._state.path / name) for name in _PATHS)
        if seen == self._seen:
            return False
        ledger = read_ledger(self._state, LEDGER, cluster=self._cluster)
        if ledger is None:
            return False
        with ledger:
            is_new = self._show(ledger)
        self._seen = seen
        return is_new

    def _show(self, ledger: SqliteLedger) -> bool:
        claims = [claim for claim in ledger.claims() if claim.cluster == self._cluster]
        text = msgspec.json.encode(ledger_manifest(self._cluster, ledger.marker, claims))
        if text == self._text:
            return False
        replace_file(self._file, text, mode=0o644)
        self._text = text
        return True


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116  # as cheap as it can be: four times a second
    except FileNotFoundError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
