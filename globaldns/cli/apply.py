"""``globaldns diff`` and ``globaldns apply``: the routes of a cluster beside what stands there."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from globaldns.cli.export import tell
from globaldns.cli.findings import count, print_findings
from globaldns.cli.invocation import Invocation, config_options
from globaldns.cli.output import Tone, paint, say
from globaldns.cli.program import ExitCode
from globaldns.documents import format_documents
from globaldns.errors import GlobalDnsError

if TYPE_CHECKING:
    from globaldns.app.applying import Done
    from globaldns.apply.routes.patience import Step
    from globaldns.kube.kubeconfig import Access

_TONES = {"+": Tone.GOOD, "-": Tone.BAD}


class Plan(NamedTuple):
    """What is to be done in a cluster."""

    cluster: str
    access: Access
    steps: list[Step]
    unresolved: tuple[str, ...]
    """The names of gateways that have no address now."""


@click.command()
@click.option("--cluster", "cluster_id", metavar="ID", help="Whose routes [our own].")
@config_options
@click.pass_obj
@click.pass_context
def diff(context: click.Context, invocation: Invocation, cluster_id: str | None) -> None:
    """Compare the routes of a cluster with what stands there.

    Exits with 3 where they differ. What is not served is said on stderr.
    """
    steps = make_plan(invocation, cluster_id).steps
    for step in steps:
        for line in unified(step):
            tone = _TONES.get(line[:1])
            click.echo(paint(line, tone, stream=sys.stdout) if tone else line)
    say(f"{count(len(steps), 'object')} to create, replace or delete")
    context.exit(ExitCode.FOUND if steps else ExitCode.FINE)


@click.command()
@click.option("--cluster", "cluster_id", metavar="ID", help="Whose routes [our own].")
@click.option("--dry-run", is_flag=True, help="Have the API server check all, and change nothing.")
@config_options
@click.pass_obj
def apply(invocation: Invocation, cluster_id: str | None, *, dry_run: bool) -> None:
    """Write the routes of a cluster, once.

    A server whose own cluster it is does that all the time (routing.apply). Nothing is touched but
    what carries our mark; what is not wanted is deleted, unless a cluster is not known as a whole.
    """
    # Here, because help is printed without all that reads manifests and asks API servers.
    from globaldns.app.applying import describe, take_steps  # noqa: PLC0415

    def show(done: Done) -> None:
        if done.failure is None:
            click.echo(describe(done.step))
        else:
            hint = f" (fix: {done.failure.hint})" if done.failure.hint else ""
            say(f"not done: {describe(done.step)}: {done.failure}{hint}")

    plan = make_plan(invocation, cluster_id)
    if plan.unresolved:
        raise GlobalDnsError(
            f"nothing is written: {', '.join(plan.unresolved)} cannot be looked up, and routes by "
            "these gateways would go",
            hint="try again, or write the addresses: clusters.<id>.gateways",
        )
    failures = take_steps(plan.access, plan.cluster, plan.steps, show, dry_run=dry_run)
    words = "would be changed" if dry_run else "changed"
    say(f"{count(len(plan.steps) - failures, 'object')} {words} in {plan.cluster}")
    if failures:
        raise GlobalDnsError(f"{count(failures, 'object')} could not be written")


def make_plan(invocation: Invocation, cluster_id: str | None) -> Plan:
    """Return what is to be done for a cluster to have its routes, and say what is not served."""
    # Here, because help is printed without all that reads manifests and asks API servers.
    from globaldns.app.applying import find_access, find_steps  # noqa: PLC0415
    from globaldns.app.lookups import look_up_gateways  # noqa: PLC0415
    from globaldns.app.offline import read_offline  # noqa: PLC0415
    from globaldns.app.routes import make_routes  # noqa: PLC0415
    from globaldns.tasks import wall_clock  # noqa: PLC0415

    config = invocation.load_config()
    cluster = cluster_id or config.cluster
    hint = f"globaldns export --cluster {cluster} prints its routes"
    access = find_access(config, cluster, hint=hint)
    mesh = read_offline(config, wall_clock())
    routes = make_routes(mesh, cluster, look_up_gateways(mesh, cluster))
    tell(routes)
    found = find_steps(mesh.config, access, cluster, routes)
    if found.findings:
        print_findings(found.findings, to_stderr=True)
    return Plan(cluster, access, found.steps, routes.unresolved)


def unified(step: Step) -> Iterator[str]:
    """Yield the lines of a unified diff of one object."""
    # Here, because help is printed without all that asks API servers.
    from globaldns.apply.routes.patience import Create, Delete, step_key  # noqa: PLC0415

    before = [] if isinstance(step, Create) else lines(step.standing.document)
    after = [] if isinstance(step, Delete) else lines(step.document)
    key = str(step_key(step))
    names = ("/dev/null" if not before else key, "/dev/null" if not after else key)
    yield from difflib.unified_diff(before, after, *names, lineterm="")


def lines(document: dict[str, Any]) -> list[str]:
    """Return a document as people compare it."""
    from globaldns.app.applying import shown  # noqa: PLC0415  # as above

    return format_documents([shown(document)]).splitlines()
