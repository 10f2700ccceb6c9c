"""What a person may change while no server runs: under the state directory's lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from globaldns.admin.reporting import format_addresses
from globaldns.admin.reports import FenceReport, ForgetReport, MoveReport
from globaldns.app.dropping import foresee_forgotten, forgettable_hosts, report_forgotten
from globaldns.app.fencing import decide_word, report_fence, write_words
from globaldns.app.offline import read_mesh, read_offline
from globaldns.app.views import forget_view
from globaldns.config.schema import Config
from globaldns.errors import RequestRefused
from globaldns.ledger.backup import write_backup
from globaldns.ledger.copies import unite_with_copies
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet
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
    with _held_state(config, now) as state, _open_ledger(config, state, now) as ledger:
        registry = read_mesh(config, ledger.claims(), ledger.copies(), now).registry
        before = answers_of(registry, hosts)
        registry.renumber(hosts, now)
        claims = [claim for claim in registry.unwritten if claim.host in before]
        ledger.write(claims)
        registry.acknowledge(claims, now)
        _back_up(config, ledger, now)
        return report_moves(before, answers_of(registry, hosts))


def import_offline(config: Config, claims: Sequence[Claim], now: int) -> int:
    """Unite the ledger with claims; return how many of them were new or different.

    A ledger that is lost or damaged is begun anew; what was damaged is set aside. Of a cluster that
    keeps its claims itself the copy says more than any file.

    Raises:
        StateLocked: a server holds the state directory.
        LedgerError: the ledger cannot be read or written.
    """
    refuse_shared(config, "vip import -")
    with (
        _held_state(config, now) as state,
        _open_ledger(config, state, now, OnLoss.REPLACE) as ledger,
    ):
        before, copies = set(ledger.claims()), ledger.copies()
        ledger.write([claim for claim in claims if claim.cluster not in copies])
        return len(set(ledger.claims()) - before)


def fence_offline(config: Config, cluster: str, *, fenced: bool, now: int) -> FenceReport:
    """Have a cluster fenced, or no more; return what that does.

    The word is written into every cluster that has an API server; where there is none it is kept
    for the next start.

    Raises:
        StateLocked: a server holds the state directory.
        StateError: it cannot be kept there.
        RequestRefused: it would be obeyed by nobody.
        LedgerError: the ledger cannot be read.
    """
    mesh = read_offline(config, now, numbered=False)
    word = decide_word(mesh.registry, cluster, fenced=fenced, now=now)
    report = report_fence(mesh.registry, word)
    if any(settings.source.directory is None for settings in mesh.config.clusters.values()):
        # Here, because a mesh of directories needs no client of API servers.
        from globaldns.app.reaching import spread_word  # noqa: PLC0415

        if held := spread_word(config, word):
            return msgspec.structs.replace(report, spread=held)
    with _held_state(config, now) as state:
        write_words(state, {**mesh.registry.views.words, cluster: word}.values())
    return report


def foresee_offline(config: Config, cluster: str, now: int) -> ForgetReport:
    """Return what to forget a cluster that is not configured any more would do.

    Raises:
        RequestRefused: it is configured, nothing is known of it, or the ledger is in Kubernetes.
        LedgerError: the ledger cannot be read.
    """
    refuse_shared(config, f"cluster forget {cluster}")
    return foresee_forgotten(read_offline(config, now, numbered=False).registry, cluster)


def forget_offline(config: Config, cluster: str, now: int) -> ForgetReport:
    """Release what a cluster claims that is not configured any more.

    Raises:
        StateLocked: a server holds the state directory.
        RequestRefused: it is configured, nothing is known of it, or the ledger is in Kubernetes.
        LedgerError: the ledger cannot be read or written.
    """
    refuse_shared(config, f"cluster forget {cluster}")
    with _held_state(config, now) as state, _open_ledger(config, state, now) as ledger:
        copies = ledger.copies()
        registry = read_mesh(config, ledger.claims(), copies, now).registry
        hosts = forgettable_hosts(registry, cluster)
        registry.release(cluster, now)
        ledger.write([claim for claim in registry.unwritten if claim.cluster == cluster])
        if cluster in copies:
            ledger.copy(cluster, copies[cluster], ClaimSet())
        _back_up(config, ledger, now)
        forget_view(state, cluster)
        write_words(state, [w for w in registry.views.words.values() if w.target != cluster])
        return report_forgotten(registry, cluster, hosts)


def refuse_shared(config: Config, command: str) -> None:
    """Make sure that the ledger is not one that several replicas share.

    Raises:
        RequestRefused: it is, and only the replica that writes it may change it.
    """
    if config.vips.ledger.kubernetes is None:
        return
    raise RequestRefused(
        "the ledger is in Kubernetes, and changed by the replica that writes it only",
        hint=f"kubectl -n {config.namespace} exec -i POD -- globaldns {command}; the Lease "
        "globaldns names the pod",
    )


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


def _back_up(config: Config, ledger: SqliteLedger, now: int) -> None:
    write_backup(
        *(StateDirectory(config.state), unite_with_copies(ledger.claims(), ledger.copies())),
        cluster=ledger.cluster,
        marker=ledger.marker,
        now=now,
        again=True,
    )


@contextmanager
def _held_state(config: Config, now: int) -> Iterator[StateDirectory]:
    state = StateDirectory(config.state)
    state.lock(now)
    try:
        yield state
    finally:
        state.unlock()


def _open_ledger(
    config: Config, state: StateDirectory, now: int, on_loss: OnLoss = OnLoss.REFUSE
) -> SqliteLedger:
    name = config.vips.ledger.file
    return open_ledger(state, name, cluster=config.cluster, now=now, on_loss=on_loss)
