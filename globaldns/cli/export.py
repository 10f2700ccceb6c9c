"""``globaldns export``: the routes of a cluster, as documents for its API server."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from globaldns.cli.findings import count, print_findings
from globaldns.cli.invocation import Invocation, config_options
from globaldns.cli.output import OutputFormat, say
from globaldns.documents import format_documents
from globaldns.errors import GlobalDnsError

if TYPE_CHECKING:
    from globaldns.app.routes import ClusterRoutes
    from globaldns.apply.folder import Difference
    from globaldns.istio.routes import Bundle

FORMATS = (OutputFormat.YAML.value, OutputFormat.JSON.value)


class _Format(click.Choice[str]):
    """How documents are printed; who wants them as files is told how."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "dir":
            self.fail("files are written by --to DIR, which names the folder", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.option("--cluster", "cluster_id", metavar="ID", required=True, help="Whose routes.")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a file for each host, in a folder for each namespace; remove ours that are gone.",
)
@click.option("-o", "--output", type=_Format(FORMATS), help="How documents are printed [yaml].")
@config_options
@click.pass_obj
def export(
    invocation: Invocation, cluster_id: str, folder: Path | None, output: str | None
) -> None:
    """Print the routes of a cluster, for kubectl apply -f -.

    They are what configuration, manifests and ledger say now, and DNS of gateways that have names;
    a server need not run, and nothing is changed but files below DIR that begin with our mark. What
    is not served is said on stderr.
    """
    if folder is not None and output is not None:
        raise click.UsageError("--to writes YAML files: leave out --output")
    # Here, because help is printed without all that reads manifests.
    from globaldns.app.lookups import look_up_gateways  # noqa: PLC0415
    from globaldns.app.offline import read_offline  # noqa: PLC0415
    from globaldns.app.routes import make_routes  # noqa: PLC0415
    from globaldns.tasks import wall_clock  # noqa: PLC0415

    mesh = read_offline(invocation.load_config(), wall_clock())
    routes = make_routes(mesh, cluster_id, look_up_gateways(mesh, cluster_id))
    tell(routes)
    if folder is not None:
        refuse_unresolved(routes.unresolved)
        write_files(routes, folder, cluster_id)
    elif (output or invocation.output) == OutputFormat.JSON:
        click.echo(format_list(routes.leading))
    else:
        click.echo(format_documents(every_document(routes.leading)), nl=False)


def write_files(routes: ClusterRoutes, folder: Path, cluster: str) -> None:
    """Make a folder's files what they are to be, and say what that was."""
    # Here, because few write files.
    from globaldns.app.applying import hold_files  # noqa: PLC0415
    from globaldns.apply.folder import write_folder  # noqa: PLC0415

    held = hold_files(folder, cluster, routes)
    texts = {f"{one.place}.yaml": format_documents(one.documents) for one in held}
    done = write_folder(folder, cluster, texts, may_remove=routes.are_whole)
    say(describe(done, folder, routes.unheard))


def tell(routes: ClusterRoutes) -> None:
    """Say what is not served, and what may be another tomorrow."""
    print_findings(routes.findings, to_stderr=True)
    for cluster, reason in routes.unheard.items():
        say(f"{cluster} is not known as a whole: {reason}")
    if routes.unwritten:
        say(
            f"{count(routes.unwritten, 'VIP')} of these no ledger has yet: apply them once "
            "globaldns serve has written it"
        )


def refuse_unresolved(names: Collection[str]) -> None:
    """Write nothing by gateways of which it is not known where they are.

    Raises:
        GlobalDnsError: there are names of gateways that have no address now.
    """
    if names:
        raise GlobalDnsError(
            f"nothing is written: {', '.join(names)} cannot be looked up, and routes by "
            "these gateways would go",
            hint="try again, or write the addresses: clusters.<id>.gateways",
        )


def describe(done: Difference, folder: Path, unheard: Collection[str]) -> str:
    """Return what was done to the files; ``unheard``: the clusters for which some were kept."""
    parts = [f"{len(done.written)} written", f"{done.unchanged} unchanged"]
    parts.append(f"{len(done.removed)} removed")
    if done.kept:
        parts.append(f"{len(done.kept)} kept until all of {', '.join(unheard)} is known")
    return f"{folder}: {', '.join(parts)}"


def format_list(bundles: Iterable[Bundle]) -> str:
    """Return documents as one List, as kubectl prints and takes them."""
    items = list(every_document(bundles))
    whole = {"apiVersion": "v1", "kind": "List", "items": items}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def every_document(bundles: Iterable[Bundle]) -> Iterable[dict[str, object]]:
    """Return the documents of bundles, in their order."""
    return (document for bundle in bundles for document in bundle.documents)
