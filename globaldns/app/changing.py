"""What a person may change of the ledger while no server runs: under the state directory's lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from globaldns.admin.reporting import format_addresses
from globaldns.admin.reports import MoveReport
from globaldns.app.offline import read_mesh
from globaldns.config.schema import Config
from globaldns.ledger.backup import write_backup
from globaldns.ledger.copies import unite_with_copies
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.registry.publishing import answered_vips
from globaldns.registry.registry import Registry
from globaldns.state import StateDirectory

Answers = Mapping[Host, tuple[Address, ...]]


def renumber_offline(config: Config, hosts: Sequence[Host], now: int) -> tuple[MoveReport, ...]:
    """Give hosts new VIPs, and return how each moved.

    Raises:
        StateLocked: a server holds the state directory.
        RequestRefused: a host has no number that could move; none is moved.
        LedgerError: the ledger cannot be read or written.
    """
    with _held_ledger(config, now, OnLoss.REFUSE) as ledger:
        copies = ledger.copies()
        registry = read_mesh(config, ledger.claims(), copies, now).registry
        before = answers_of(registry, hosts)
        registry.renumber(hosts, now)
        claims = [claim for claim in registry.unwritten if claim.host in before]
        ledger.write(claims)
        registry.acknowledge(claims, now)
        write_backup(
            *(StateDirectory(config.state), unite_with_copies(ledger.claims(), copies)),
            cluster=ledger.cluster,
            marker=ledger.marker,
            now=now,
            again=True,
        )
        return report_moves(before, answers_of(registry, hosts))


def import_offline(config: Config, claims: Sequence[Claim], now: int) -> int:
    """Unite the ledger with claims; return how many of them were new or different.

    A ledger that is lost or damaged is begun anew; what was damaged is set aside. Of a cluster that
    keeps its claims itself the copy says more than any file.

    Raises:
        StateLocked: a server holds the state directory.
        LedgerError: the ledger cannot be read or written.
    """
    with _held_ledger(config, now, OnLoss.REPLACE) as ledger:
        before, copies = set(ledger.claims()), ledger.copies()
        ledger.write([claim for claim in claims if claim.cluster not in copies])
        return len(set(ledger.claims()) - before)


def answers_of(registry: Registry, hosts: Iterable[Host]) -> Answers:
    """Return what hosts are answered with now."""
    return {host: answered_vips(registry.services.get(host)) for host in hosts}


def report_moves(before: Answers, after: Answers) -> tuple[MoveReport, ...]:
    """Return how hosts that a person renumbered have moved."""
    return tuple(
        MoveReport(
            host=host,
            old=format_addresses(old),
            new=format_addresses(after[host]),
            reason="renumbered",
        )
        for host, old in sorted(before.items())
    )


@contextmanager
def _held_ledger(config: Config, now: int, on_loss: OnLoss) -> Iterator[SqliteLedger]:
    state = StateDirectory(config.state)
    state.lock(now)
    try:
        name = config.vips.ledger.sqlite
        with open_ledger(state, name, cluster=config.cluster, now=now, on_loss=on_loss) as ledger:
            yield ledger
    finally:
        state.unlock()
