"""``globaldns stub``: the cluster's own DNS told of our zones, and asked whether it knows them."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from globaldns.cli.invocation import Invocation, local_options
from globaldns.cli.notes import notes_of
from globaldns.cli.output import OutputFormat, print_structured, say
from globaldns.cli.places import (
    AdviceReport,
    PlacesReport,
    format_advice,
    format_detections,
    report_advice,
    report_change,
    report_detections,
    show_change,
)
from globaldns.cli.program import ExitCode
from globaldns.cli.snippets import (
    FORMATS,
    Snippet,
    SnippetsReport,
    format_part,
    render,
    render_as,
)
from globaldns.cli.verdicts import format_verdicts
from globaldns.config.values import split_listen
from globaldns.coredns.stub import Server
from globaldns.errors import InvalidValue
from globaldns.model.address import is_address
from globaldns.stubs.diagnosis import CLUSTER_DNS, NODE_LOCAL
from globaldns.stubs.shapes import Change
from globaldns.stubs.verification import QueryPath

Pairs = tuple[tuple[str, int], ...]
PATHS = (CLUSTER_DNS, NODE_LOCAL)


def _parse_pairs(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> Pairs:
    """Return addresses with their ports, 53 where there is none."""
    try:
        return tuple((text, 53) if is_address(text) else split_listen(text) for text in texts)
    except InvalidValue as error:
        raise click.BadParameter(f"{error}; {error.hint}", context, parameter) from None


def _parse_paths(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[QueryPath, ...]:
    """Return addresses with the path of pods' questions that each stands for."""
    split = [text.rpartition("=") for text in texts]
    for name, _, _ in split:
        if name not in {"", *PATHS}:
            reason = f"{name!r} is no path; write {' or '.join(PATHS)}"
            raise click.BadParameter(reason, context, parameter)
    pairs = _parse_pairs(context, parameter, tuple(address for _, _, address in split))
    return tuple(
        QueryPath(name or "through", *pair) for (name, _, _), pair in zip(split, pairs, strict=True)
    )


_cluster = click.option("--cluster", metavar="ID", help="Whose DNS [our own].")
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Have the API server check all, and change nothing."
)
_forward_to = click.option(
    "--forward-to",
    metavar="ADDRESS[:PORT]",
    multiple=True,
    callback=_parse_pairs,
    help="Where we answer [our Service's addresses].",
)


@click.group()
def stub() -> None:
    """Have the cluster's own DNS ask us, and see whether it does."""


@stub.command()
@_cluster
@local_options
@click.pass_obj
def detect(invocation: Invocation, cluster: str | None) -> None:
    """Say whose DNS the cluster has, why, and where it is told of a zone."""
    # Here, because help is printed without all that asks API servers.
    from globaldns.app.stubbing import look  # noqa: PLC0415

    config = invocation.load_config()
    looked = look(config, cluster or config.cluster)
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_detections(looked.detections))
    else:
        print_structured({"places": report_detections(looked.detections)}, invocation.output)


@stub.command("render")
@_cluster
@click.option("--as", "shape", type=click.Choice(list(FORMATS)), help="No cluster is asked.")
@_forward_to
@local_options
@click.pass_obj
def render_stub(
    invocation: Invocation, cluster: str | None, shape: str | None, forward_to: Pairs
) -> None:
    """Print what the cluster's DNS, or another resolver (--as), is to be told."""
    # Here, for the same reason.
    from globaldns.app.stubbing import choose_servers, look, make_stub  # noqa: PLC0415

    config = invocation.load_config()
    given = tuple(Server(*pair) for pair in forward_to)
    if shape is not None and given:
        _show_text(invocation, render_as(shape, make_stub(config, given)))
        return
    looked = look(config, cluster or config.cluster)
    wished = make_stub(config, choose_servers(looked, given))
    if shape is not None:
        _show_text(invocation, render_as(shape, wished))
        return
    parts = [render(looked, detection, wished) for detection in looked.detections]
    _show_parts(invocation, parts)


@stub.command()
@_cluster
@click.option(
    "--adopt", is_flag=True, help="Take over what was written by hand, or for the old Istio plugin."
)
@_dry_run
@_forward_to
@local_options
@click.pass_obj
@click.pass_context
def install(
    context: click.Context,
    invocation: Invocation,
    cluster: str | None,
    forward_to: Pairs,
    *,
    adopt: bool,
    dry_run: bool,
) -> None:
    """Tell the cluster's DNS of our zones, once; nothing of it but what is ours changes.

    Where somebody else has its configuration, the words for them are printed, and the exit code is
    3. What was there before is kept in ConfigMap globaldns-stub of our namespace.
    """
    # Here, for the same reason.
    from globaldns.app import stubbing  # noqa: PLC0415

    config = invocation.load_config()
    name = cluster or config.cluster
    looked = stubbing.look(config, name)
    given = tuple(Server(*pair) for pair in forward_to)
    wished = stubbing.make_stub(config, stubbing.choose_servers(looked, given))
    others = [report_advice(looked, one, wished) for one in stubbing.elsewhere(looked)]
    changes = stubbing.install(
        config, name, looked, wished, _teller(invocation), adopt=adopt, dry_run=dry_run
    )
    places = tuple(
        report_change(change, notes_of(change, wished, looked.authority)) for change in changes
    )
    _show(invocation, PlacesReport(places, tuple(others), dry_run))
    for change in changes:
        if change.is_needed and not looked.reloads(change.place):
            restart = f"kubectl rollout restart {looked.server_of(change.place)}"
            say(f"{change.place}: its CoreDNS has no plugin reload: {restart}")
    context.exit(ExitCode.FOUND if others else ExitCode.FINE)


@stub.command()
@_cluster
@_forward_to
@click.option(
    "--suspend", is_flag=True, help="Have servers with stub.manage leave it so, until install."
)
@click.option(
    "--wait",
    type=click.IntRange(0, 3600),
    default=0,
    help="Seconds to wait for CoreDNS to read a change, one of a former --suspend too [0].",
)
@_dry_run
@local_options
@click.pass_obj
def remove(
    invocation: Invocation,
    cluster: str | None,
    forward_to: Pairs,
    wait: int,
    *,
    suspend: bool,
    dry_run: bool,
) -> None:
    """Take what is ours out of the cluster's DNS; all else stays as it is.

    Ours is what install has written, and with --forward-to what leads there without our mark.
    Do this, and wait two minutes (--wait 120), before the servers go.
    """
    # Here, for the same reason.
    from globaldns.app import stubbing  # noqa: PLC0415

    config = invocation.load_config()
    name = cluster or config.cluster
    looked = stubbing.look(config, name)
    servers = tuple(Server(*pair) for pair in forward_to) or looked.servers
    former = stubbing.make_stub(config, servers) if servers else None
    teller, adopt = _teller(invocation), bool(forward_to)
    told = {"adopt": adopt, "suspend": suspend, "dry_run": dry_run}
    changes = stubbing.remove(config, name, looked, former, teller, **told)
    _show(invocation, PlacesReport(tuple(map(report_change, changes)), dry_run=dry_run))
    # A Job's second try finds done what the first did, and not when.
    may_be_read_late = suspend and looked.record.suspended
    if not dry_run and (may_be_read_late or any(change.is_needed for change in changes)):
        time.sleep(wait)
    if config.stub.manage and name == config.cluster and not suspend:
        say("stub.manage is set: a server with this configuration tells it again (--suspend)")


@stub.command()
@_cluster
@click.option(
    "--through",
    metavar="[PATH=]ADDRESS[:PORT]",
    multiple=True,
    callback=_parse_paths,
    help="Ask there; PATH: cluster-dns, node-local [the cluster's DNS, its nodes' caches].",
)
@click.option(
    "--wait",
    type=click.IntRange(0, 3600),
    default=0,
    help="Seconds in which it may become right [0].",
)
@local_options
@click.pass_obj
@click.pass_context
def verify(
    context: click.Context,
    invocation: Invocation,
    cluster: str | None,
    through: tuple[QueryPath, ...],
    wait: int,
) -> None:
    """Ask for our zones as pods do, and see that we are who answers; exits with 3 otherwise.

    What is wrong is said with its cause and a remedy, by what is configured and what is answered.
    CoreDNS has read a change within two minutes (--wait 120).
    """
    # Here, for the same reason.
    from globaldns.app.stubbing import look  # noqa: PLC0415
    from globaldns.app.stubproving import verify as ask  # noqa: PLC0415

    config = invocation.load_config()
    name = cluster or config.cluster
    verdicts = ask(config, name, look(config, name), through, wait=wait)
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_verdicts(verdicts))
    else:
        print_structured({"paths": verdicts}, invocation.output)
    context.exit(ExitCode.FINE if all(one.is_ok for one in verdicts) else ExitCode.FOUND)


def _show_text(invocation: Invocation, snippet: Snippet) -> None:
    """Print one text to the byte, so that it may be a file."""
    if invocation.output is OutputFormat.TABLE:
        click.echo(snippet.text, nl=False)
        _say_notes(snippet.notes)
    else:
        print_structured(SnippetsReport((snippet,)), invocation.output)


def _show_parts(invocation: Invocation, parts: list[Snippet | AdviceReport]) -> None:
    """Print texts, each with its place."""
    if invocation.output is OutputFormat.TABLE:
        for part in parts:
            click.echo(format_part(part), nl=False)
            if isinstance(part, Snippet):
                _say_notes(part.notes)
    else:
        places = tuple(part for part in parts if isinstance(part, Snippet))
        others = tuple(part for part in parts if isinstance(part, AdviceReport))
        print_structured(SnippetsReport(places, others), invocation.output)


def _say_notes(notes: tuple[str, ...], place: str = "") -> None:
    for note in notes:
        say(f"{place}: {note}" if place else note)


def _teller(invocation: Invocation) -> Callable[[Change], None]:
    """Return what shows a change before it is made."""
    if invocation.output is OutputFormat.TABLE:
        return show_change
    return lambda _change: None


def _show(invocation: Invocation, report: PlacesReport) -> None:
    if invocation.output is not OutputFormat.TABLE:
        print_structured(report, invocation.output)
        return
    for change in report.places:
        is_tried = report.dry_run and change.is_changed
        state = f"would be {change.state}" if is_tried else change.state
        proof = f" ({change.proof})" if change.proof else ""
        say(f"{change.place}: {state}{proof}")
        _say_notes(change.notes, change.place)
        if change.theirs:
            names = ", ".join(change.theirs)
            say(f"{change.place}: {names}: already there, written by somebody else: left as it is")
    for advice in report.elsewhere:
        click.echo(format_advice(advice), nl=False)
