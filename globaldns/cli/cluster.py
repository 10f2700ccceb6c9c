"""``globaldns cluster``: how the clusters stand, and taking one out of all answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import click

from globaldns.admin.reports import (
    ClusterList,
    ClusterReport,
    FenceReport,
    ForgetReport,
    GatewayReport,
)
from globaldns.cli.findings import count
from globaldns.cli.invocation import Invocation, local_options, reading_options
from globaldns.cli.output import (
    ABSENT,
    OutputFormat,
    format_table,
    print_structured,
    say,
    show_time,
    wrap_list,
)
from globaldns.cli.program import ExitCode
from globaldns.cli.reader import ledger_config, open_reader
from globaldns.config.schema import Config
from globaldns.errors import RequestRefused
from globaldns.model.reach import GatewayState
from globaldns.model.view import Doubt
from globaldns.tasks import wall_clock

Report = TypeVar("Report", FenceReport, ForgetReport)

COLUMNS = (
    *("CLUSTER", "STATE", "AGE", "EXPORTS", "NETWORK", "GATEWAYS", "FENCED", "SOURCE"),
    "REASON",
)
_REFUSED = ("REMOTE SECRET", "CLUSTER", "NOT USED, FOR")
_PARTIAL = "not all of it was ever read: a name that nobody has is SERVFAIL"
SHOWN_HOSTS = 10
"""Of those that a change leaves without a cluster or a VIP; ``-o json`` has all."""


@click.group()
def cluster() -> None:
    """Show the clusters; fence one, or forget one that is gone."""


@cluster.command("list")
@reading_options
@click.pass_obj
@click.pass_context
def list_clusters(context: click.Context, invocation: Invocation) -> None:
    """List the configured clusters.

    AGE is the time since the last proof that what the cluster said is current, whatever its STATE
    is; a cluster is lost when that is longer than lost.after. One that differs is configured
    otherwise than ours in what all must have alike: globaldns check names the keys. Ours is
    unwritten where nobody can write its ledger: no new name gets a VIP. One is restored whose API
    server went back within a day, as when etcd is restored from a backup. A gateway of another
    network is down if nothing answers there; -o json has the reason. Below stand remote secrets
    that are not used. Without a server, exits with 1 where a cluster or the ledger cannot be read.
    """
    reader = open_reader(invocation)
    found = reader.clusters()
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_clusters(found, reader.now))
    else:
        refused = {"refused_secrets": found.refused_secrets}
        print_structured({"clusters": found.items, **refused}, invocation.output)
    failures = reader.failures()
    for failure in failures:
        say(f"error: {failure}")
    context.exit(ExitCode.FAILED if failures else ExitCode.FINE)


@cluster.command()
@click.argument("cluster_id", metavar="ID")
@local_options
@click.pass_obj
def fence(invocation: Invocation, cluster_id: str) -> None:
    """Have the exports of a cluster count no more.

    Its VIP claims still hold: each name gets its VIP back with globaldns cluster unfence. The
    newest word on a cluster counts, this one or a ClusterFence object's.
    """
    show_fence(set_fence(ledger_config(invocation), cluster_id, fenced=True), invocation.output)


@cluster.command()
@click.argument("cluster_id", metavar="ID")
@local_options
@click.pass_obj
def unfence(invocation: Invocation, cluster_id: str) -> None:
    """Have the exports of a fenced cluster count again."""
    show_fence(set_fence(ledger_config(invocation), cluster_id, fenced=False), invocation.output)


@cluster.command()
@click.argument("cluster_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Release VIPs; without it what that does is shown.")
@local_options
@click.pass_obj
def forget(invocation: Invocation, cluster_id: str, *, yes: bool) -> None:
    """Release the VIPs of a cluster that is not configured any more, or accept a rebuilt one.

    Without this they are released once it was not configured for vips.quarantine. Either way a VIP
    that no other cluster claims then rests for the quarantine. That a rebuilt cluster is accepted
    takes no --yes: it is said to every server, by a ClusterFence that names its kube-system's UID,
    so that no other cluster is ever meant by it. One that all know as it is cannot be forgotten
    while it is configured.
    """
    config = ledger_config(invocation)
    report = foresee_forgotten(config, cluster_id)
    if yes or report.rebuilt:
        report = forget_cluster(config, cluster_id, rebuilt=report.rebuilt)
    show_forgotten(report, invocation.output)
    if not report.done:
        raise RequestRefused(
            f"{cluster_id} is not forgotten yet: that cannot be taken back",
            hint=f"globaldns cluster forget {cluster_id} --yes does it",
        )


def show_forgotten(report: ForgetReport, output: OutputFormat) -> None:
    """Print what was released, or would be."""
    if output is OutputFormat.TABLE:
        click.echo(format_forgotten(report))
        for line in format_spread(report.spread):
            say(line)
    else:
        print_structured(report, output)


def set_fence(config: Config, cluster_id: str, *, fenced: bool) -> FenceReport:
    """Have the running server fence a cluster or end that, or keep it for the next one.

    Raises:
        RequestRefused: it would be obeyed by nobody.
    """
    # Here, because asyncio and what reads manifests are needed by few commands.
    from globaldns.admin.control import SetFence, ask  # noqa: PLC0415
    from globaldns.app.changing import fence_offline  # noqa: PLC0415

    reply = ask(config.state, SetFence(cluster_id, fenced))
    if reply is None:
        report = fence_offline(config, cluster_id, fenced=fenced, now=wall_clock())
        if not report.spread:
            say(f"no server runs: kept in {config.state} for the next")
        return report
    say(f"done by the server of {config.state}")
    return _present(reply.fence)


def foresee_forgotten(config: Config, cluster_id: str) -> ForgetReport:
    """Return what to forget a cluster would do.

    Raises:
        RequestRefused: it is configured, or nothing is known of it.
    """
    # Here, for the same reason.
    from globaldns.admin.control import Foresee, ask  # noqa: PLC0415
    from globaldns.app.changing import foresee_offline  # noqa: PLC0415

    reply = ask(config.state, Foresee(cluster_id))
    if reply is None:
        return foresee_offline(config, cluster_id, wall_clock())
    return _present(reply.forgotten)


def forget_cluster(config: Config, cluster_id: str, *, rebuilt: str) -> ForgetReport:
    """Have the running server release what a dropped cluster claims, or do it where none runs.

    Or have it accept one that was rebuilt, by its UID.

    Raises:
        RequestRefused: it is configured, nothing is known of it, or another one answers by now.
    """
    # Here, for the same reason.
    from globaldns.admin.control import Forget, ask  # noqa: PLC0415
    from globaldns.app.changing import forget_offline  # noqa: PLC0415

    reply = ask(config.state, Forget(cluster_id, rebuilt))
    if reply is None:
        report = forget_offline(config, cluster_id, wall_clock())
        say(f"no server runs: the ledger in {config.state} is changed")
        return report
    say(f"done by the server of {config.state}")
    return _present(reply.forgotten)


def format_clusters(found: ClusterList, now: int) -> str:
    """Return the clusters, and below them the remote secrets that name none."""
    table = format_table(COLUMNS, [to_row(one, now) for one in found.items])
    if not found.refused_secrets:
        return table
    rows = [
        (one.place, one.cluster or ABSENT, f"{one.reason}{one.hint and f' (fix: {one.hint})'}")
        for one in found.refused_secrets
    ]
    return f"{table}\n\n{format_table(_REFUSED, rows)}"


def to_row(report: ClusterReport, now: int) -> tuple[str, ...]:
    """Return the cells of a cluster."""
    return (
        report.cluster,
        ",".join((report.state, *_alarms(report))),
        show_time(report.contact or "", now),
        str(report.exports),
        report.network or ABSENT,
        wrap_list(list(map(show_gateway, sorted(report.gateways, key=is_well)))),
        "yes" if report.fenced else "no",
        report.source,
        "; ".join(_reasons(report)),
    )


def _reasons(report: ClusterReport) -> Iterator[str]:
    """Yield why a cluster does not stand as it should."""
    if report.reason:
        yield report.reason
    elif report.lost:
        yield "not in contact for lost.after"
    elif report.doubt == Doubt.PARTIAL:
        yield _PARTIAL
    if report.settings_differ:
        yield f"configured with other {', '.join(report.settings_differ)} than ours"
    if report.ledger:
        yield report.ledger
    if report.restored_at:
        yield f"went back at {report.restored_at}, as when etcd is restored from a backup"


def is_well(gateway: GatewayReport) -> bool:
    """Whether nothing is known to be wrong with a gateway; those with which it is come first."""
    return not (gateway.state == GatewayState.DOWN or gateway.down or gateway.unresolved)


def show_gateway(gateway: GatewayReport) -> str:
    """Return a gateway's address with what is wrong with it."""
    is_down = gateway.state == GatewayState.DOWN
    wrong = ["down"] if is_down else [f"{address} down" for address in gateway.down]
    wrong += ["unresolved"] * bool(gateway.unresolved)
    return gateway.address + "".join(f"({word})" for word in wrong)


def _alarms(report: ClusterReport) -> Iterator[str]:
    if report.lost:
        yield "lost"
    if report.double_of:
        yield f"double({report.double_of})"
    if report.settings_differ:
        yield "differs"
    if report.ledger:
        yield "unwritten"
    if report.restored_at:
        yield "restored"


def show_fence(report: FenceReport, output: OutputFormat) -> None:
    """Print what a fence does."""
    if output is OutputFormat.TABLE:
        click.echo(format_fence(report))
        for line in format_spread(report.spread):
            say(line)
    else:
        print_structured(report, output)


def format_fence(report: FenceReport) -> str:
    """Return what a fence does, or that it was so before."""
    name = report.cluster
    if not report.changed:
        return f"{name} is fenced already" if report.fenced else f"{name} is not fenced"
    services = count(report.services, "service")
    if report.fenced:
        head = f"{name} is fenced: {services} without it from now on, its VIP claims still hold"
        return _with_hosts(head, "exported by no other cluster, so absent", report.alone)
    head = f"{name} is fenced no more: {services} with it from now on"
    return _with_hosts(head, "exported by no other cluster, so back", report.alone)


def format_spread(spread: Mapping[str, str]) -> Iterator[str]:
    """Yield where a word stands, of clusters with API servers."""
    held = sorted(cluster for cluster, reason in spread.items() if not reason)
    if held:
        yield f"the word stands in {', '.join(held)}: whoever reads one of them obeys it"
    elif spread:
        yield "the word stands in no cluster: this server alone obeys it"
    for cluster, reason in sorted(spread.items()):
        if reason:
            yield f"not in {cluster}: {reason}"


def format_forgotten(report: ForgetReport) -> str:
    """Return what was released, or would be."""
    if report.rebuilt:
        return (
            f"{report.cluster} is taken as it is now (kube-system has UID {report.rebuilt}): what "
            "it was before it was rebuilt ends"
        )
    verb = "is" if report.done else "would be"
    head = f"{report.cluster} {verb} forgotten: {count(report.vips, 'VIP')} released"
    return _with_hosts(head, "claimed by no other cluster, so resting", report.resting)


def _with_hosts(head: str, what: str, hosts: Sequence[str]) -> str:
    if not hosts:
        return head
    more = [f"  and {len(hosts) - SHOWN_HOSTS} more"] * (len(hosts) > SHOWN_HOSTS)
    shown = (f"  {host}" for host in hosts[:SHOWN_HOSTS])
    return "\n".join((head, f"{what}: {len(hosts)}", *shown, *more))


def _present(report: Report | None) -> Report:
    """Return what a server reports.

    Raises:
        RequestRefused: it reports nothing, as one of another version may.
    """
    if report is None:
        raise RequestRefused("the server does not say what it did", hint="globaldns cluster list")
    return report
