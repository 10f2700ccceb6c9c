"""Ledgers: as a server begins with them, and as commands without one read them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from globaldns.app.writing import LedgerThread
from globaldns.config.schema import Config
from globaldns.ledger.copies import ReadLedger
from globaldns.ledger.opening import read_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.ledger.verification import contradictions
from globaldns.model.claim import Claim
from globaldns.model.finding import Finding
from globaldns.model.view import ClaimSet
from globaldns.state import StateDirectory


class Remembered(msgspec.Struct, frozen=True):
    """What a ledger says at the start; of one in Kubernetes nothing is known then."""

    claims: tuple[Claim, ...] = ()
    copies: Mapping[str, ClaimSet] = MappingProxyType({})


async def remember(thread: LedgerThread | None) -> Remembered:
    """Return what a ledger says.

    Raises:
        LedgerError: it cannot be read.
    """
    if thread is None:
        return Remembered()
    claims = await thread.run(thread.ledger.claims)
    return Remembered(claims, await thread.run(thread.ledger.copies))


def read_claims(config: Config) -> ReadLedger | None:
    """Return what the ledger says; None: there has never been one.

    Raises:
        LedgerError: it is lost, damaged, too new, another cluster's, or cannot be read.
    """
    if config.vips.ledger.kubernetes is not None:
        return _read_shared(config)
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
    if config.vips.ledger.kubernetes is not None:
        said = _read_shared(config)
        return (
            None
            if said is None or said.marker is None
            else contradictions(said.claims, "VIPLedger")
        )
    ledger = _open(config)
    if ledger is None:
        return None
    with ledger:
        return ledger.verify()


def _read_shared(config: Config) -> ReadLedger | None:
    # Here, because a ledger in a file needs no client of API servers.
    from globaldns.app.reaching import read_shared_ledger  # noqa: PLC0415

    return read_shared_ledger(config)


def _open(config: Config) -> SqliteLedger | None:
    state = StateDirectory(config.state)
    return read_ledger(state, config.vips.ledger.file, cluster=config.cluster)
