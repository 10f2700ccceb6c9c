"""``globaldns diff`` and ``globaldns apply``: the routes of a cluster beside what stands there."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from globaldns.cli.export import refuse_unresolved, tell
from globaldns.cli.findings import count, print_findings
from globaldns.cli.invocation import Invocation, config_options
from globaldns.cli.output import Tone, paint, say
from globaldns.cli.program import ExitCode
from globaldns.documents import format_documents
from globaldns.errors import GlobalDnsError
from globaldns.model.export import ExportKind

if TYPE_CHECKING:
    from pathlib import Path

    from globaldns.app.applying import Done, InTheWay
    from globaldns.apply.routes.patience import Step
    from globaldns.apply.routes.standing import Document
    from globaldns.config.schema import Config
    from globaldns.kube.kubeconfig import Access

_TONES = {"+": Tone.GOOD, "-": Tone.BAD}


class Plan(NamedTuple):
    """What is to be done in a cluster."""

    steps: list[Step]
    in_the_way: tuple[InTheWay, ...]
    unresolved: tuple[str, ...]
    """The names of gateways that have no address now."""


@click.command()
@click.option("--cluster", "cluster_id", metavar="ID", help="Whose routes [our own].")
@config_options
@click.pass_obj
@click.pass_context
def diff(context: click.Context, invocation: Invocation, cluster_id: str | None) -> None:
    """Compare the routes of a cluster with what stands there.

    Of a cluster that is read from a directory that is what its manifests have of ours. Where an
    entry of a person has a host, it is compared with what would be in its place, which nobody does
    but a person. Exits with 3 where routes differ. What is not served is said on stderr.
    """
    # Here, because help is printed without all that reads manifests and asks API servers.
    from globaldns.app.applying import find_access, find_directory  # noqa: PLC0415

    config = invocation.load_config()
    cluster = cluster_id or config.cluster
    root = find_directory(config, cluster)
    where = root or find_access(config, cluster, hint=_hint(cluster))
    plan = make_plan(config, cluster, where)
    for step in plan.steps:
        show_lines(unified(step))
    for one in plan.in_the_way:
        show_lines(replaced(one))
    say(f"{count(len(plan.steps), 'object')} to create, replace or delete")
    if root is not None and plan.steps:
        say(f"globaldns export --cluster {cluster} --to DIR writes them as files")
    if plan.in_the_way:
        say(f"{len(plan.in_the_way)} written by people: shown with what would be in their place")
    context.exit(ExitCode.FOUND if plan.steps else ExitCode.FINE)


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
    from globaldns.app.applying import describe, find_access, take_steps  # noqa: PLC0415

    def show(done: Done) -> None:
        if done.failure is None:
            click.echo(describe(done.step))
        else:
            hint = f" (fix: {done.remedy})" if done.remedy else ""
            say(f"not done: {describe(done.step)}: {done.failure}{hint}")

    config = invocation.load_config()
    cluster = cluster_id or config.cluster
    access = find_access(config, cluster, hint=_hint(cluster))
    plan = make_plan(config, cluster, access)
    refuse_unresolved(plan.unresolved)
    failures = take_steps(access, cluster, plan.steps, show, dry_run=dry_run)
    words = "would be changed" if dry_run else "changed"
    say(f"{count(len(plan.steps) - failures, 'object')} {words} in {cluster}")
    if failures:
        raise GlobalDnsError(f"{count(failures, 'object')} could not be written")


def make_plan(config: Config, cluster: str, where: Access | Path) -> Plan:
    """Return what is to be done for a cluster to have its routes, and say what is not served."""
    # Here, because help is printed without all that reads manifests and asks API servers.
    from globaldns.app.applying import find_steps  # noqa: PLC0415
    from globaldns.app.lookups import look_up_gateways  # noqa: PLC0415
    from globaldns.app.offline import read_offline  # noqa: PLC0415
    from globaldns.app.routes import make_routes  # noqa: PLC0415
    from globaldns.tasks import wall_clock  # noqa: PLC0415

    mesh = read_offline(config, wall_clock())
    routes = make_routes(mesh, cluster, look_up_gateways(mesh, cluster))
    tell(routes)
    found = find_steps(mesh.config, where, cluster, routes)
    if found.findings:
        print_findings(found.findings, to_stderr=True)
    tell_dropped(found.steps)
    return Plan(found.steps, found.in_the_way, routes.unresolved)


def tell_dropped(steps: Iterable[Step]) -> None:
    """Say which hosts a Gateway is to let through no more, for a server waits with that."""
    # Here, because help is printed without all that asks API servers.
    from globaldns.apply.routes.comparison import hosts_of  # noqa: PLC0415

    sides = ((before or {}, after or {}) for before, after in map(sides_of, steps))
    gone = {host for before, after in sides for host in hosts_of(before) - hosts_of(after)}
    if gone:
        say(
            f"{', '.join(sorted(gone))}: let through no more by the Gateway; callers that still "
            "name it fail, for which a server waits two of the largest TTL"
        )


def _hint(cluster: str) -> str:
    return f"globaldns export --cluster {cluster} prints its routes"


def show_lines(lines: Iterable[str]) -> None:
    """Print the lines of a unified diff."""
    for line in lines:
        tone = _TONES.get(line[:1])
        click.echo(paint(line, tone, stream=sys.stdout) if tone else line)


def unified(step: Step) -> Iterator[str]:
    """Yield the lines of a unified diff of one object."""
    yield from compare(*sides_of(step))


def sides_of(step: Step) -> tuple[Document | None, Document | None]:
    """Return an object as it stands and as it is to be; None: it does not, or is not to."""
    # Here, because help is printed without all that asks API servers.
    from globaldns.apply.routes.patience import Create, Delete  # noqa: PLC0415

    before = None if isinstance(step, Create) else step.standing.document
    after = None if isinstance(step, Delete) else step.document
    return before, after


def replaced(one: InTheWay) -> Iterator[str]:
    """Yield the lines of a unified diff of a person's entry and what would be in its place."""
    origin = f"{one.own.origin} ({one.own.origin.file})" if one.own.origin.file else one.own.origin
    is_route = one.own.kind is ExportKind.ROUTE
    remedy = "delete it to have this in its place" if is_route else "mend it as this says"
    said = remedy if one.documents else "nothing would be in its place"
    yield f"# {origin} was written by a person: {said}"
    yield from (f"# {lack}" for lack in one.lacks)
    before: Document | None = one.document
    for document in one.documents:
        yield from compare(before, document)
        before = None


def compare(before: Document | None, after: Document | None) -> Iterator[str]:
    """Yield the lines of a unified diff of two objects; None: there is none."""
    names = (name_of(before), name_of(after))
    yield from difflib.unified_diff(lines(before), lines(after), *names, lineterm="")


def name_of(document: Document | None) -> str:
    """Return what the head of a diff calls an object."""
    from globaldns.apply.routes.standing import key_of  # noqa: PLC0415  # as above

    return "/dev/null" if document is None else str(key_of(document))


def lines(document: Document | None) -> list[str]:
    """Return a document as people compare it."""
    from globaldns.app.applying import shown  # noqa: PLC0415  # as above

    return [] if document is None else format_documents([shown(document)]).splitlines()
