"""The ledger as commands without a server read it: nothing is created, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from globaldns.config.schema import Config
from globaldns.ledger.copies import unite_with_copies
from globaldns.ledger.opening import read_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim, Marker
from globaldns.model.finding import Finding
from globaldns.model.view import ClaimSet
from globaldns.state import StateDirectory


class ReadLedger(msgspec.Struct, frozen=True):
    """All that a ledger says."""

    marker: Marker
    claims: tuple[Claim, ...]
    copies: Mapping[str, ClaimSet]
    """What other clusters said last in ledgers of their own."""

    @property
    def everything(self) -> tuple[Claim, ...]:
        """All claims, with the copies: what nobody may forget when this ledger is lost."""
        return unite_with_copies(self.claims, self.copies)


def read_claims(config: Config) -> ReadLedger | None:
    """Return what the ledger says; None: there has never been one.

    Raises:
        LedgerError: it is lost, damaged, too new, another cluster's, or cannot be read.
    """
    ledger = _open(config)
    if ledger is None:
        return None
    with ledger:
        return ReadLedger(ledger.marker, ledger.claims(), ledger.copies())


def verify_ledger(config: Config) -> tuple[Finding, ...] | None:
    """Return what is wrong with the ledger; None: there has never been one.

    Raises:
        LedgerError: it is lost, damaged, too new, another cluster's, or cannot be read.
    """
    ledger = _open(config)
    if ledger is None:
        return None
    with ledger:
        return ledger.verify()


def _open(config: Config) -> SqliteLedger | None:
    state = StateDirectory(config.state)
    return read_ledger(state, config.vips.ledger.sqlite, cluster=config.cluster)
