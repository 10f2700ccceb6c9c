"""``globaldns demo``: a mesh of three clusters on this machine, to be tried and broken."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from globaldns.cli.invocation import Invocation, debug_option, output_options
from globaldns.cli.output import (
    OutputFormat,
    Tone,
    format_table,
    paint,
    print_structured,
    say,
)
from globaldns.cli.program import ExitCode
from globaldns.tasks import wall_clock

if TYPE_CHECKING:
    from globaldns.demo.launching import Launched
    from globaldns.demo.layout import Layout
    from globaldns.demo.words import Request, Status, Tally, UnitStatus

AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])

STATE = "~/.local/state/globaldns/demo"
_REFRESH_SECONDS = 1.0
_CLEAR = "\x1b[H\x1b[2J"
_HOSTS = ("HOST", "VIP", "EXPORTED BY", "ANSWERED BY")
_GATEWAYS = ("GATEWAY", "CLUSTER", "ADDRESS", "STATE")
_PODS = ("POD", "CLUSTER", "ADDRESS", "STATE")
_ANSWERS = ("REQUESTS", "CLUSTER", "POD", "CALLER AS THE POD SAW IT")

_state = click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(STATE),
    help=f"Where its socket and files are [{STATE}].",
)
_from = click.option(
    "--from", "cluster", metavar="CLUSTER", default="east", show_default=True, help="Whose client."
)
_times = click.option(
    "-n",
    "count",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=1,
    help="How many requests, over at most 8 connections [1].",
)


def _place(command: AnyCommand) -> AnyCommand:
    return _state(debug_option(command))


def _layout(state: Path) -> Layout:
    from globaldns.demo.layout import Layout  # noqa: PLC0415  # help does not pay for it

    return Layout(state.expanduser().absolute())


@click.group()
def demo() -> None:
    """Run a mesh of three clusters in a box, and break it."""


@demo.command()
@_place
def up(state: Path) -> None:
    """Run the box until Ctrl-C, or globaldns demo down.

    On Linux, as root or where user namespaces are allowed. Nothing of this machine's network is
    changed, and nothing is left: all is in namespaces of the box's own.
    """
    from globaldns.demo.launching import launched  # noqa: PLC0415  # as above

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with launched(_layout(state), wall_clock()) as box:
            follow(box)
    except KeyboardInterrupt:
        say("the box is gone")


def follow(box: Launched) -> None:
    """Show how a box is until it ends."""
    from globaldns.demo.status import describe_changes  # noqa: PLC0415  # as above
    from globaldns.demo.words import Status  # noqa: PLC0415

    is_live = sys.stdout.isatty()
    last = Status(phase="starting")
    while box.is_running:
        status = box.look()
        if status is not None and is_live:
            click.echo(f"{_CLEAR}{format_status(status)}\n\nCtrl-C ends it")
        for line in describe_changes(last, status) if status and not is_live else ():
            click.echo(line)
        last = status or last
        time.sleep(_REFRESH_SECONDS)
    box.look()


@demo.command()
@click.argument("host", metavar="HOST|VIP[:PORT]")
@_from
@_times
@_state
@output_options
@click.pass_obj
@click.pass_context
def curl(
    context: click.Context,
    invocation: Invocation,
    *,
    host: str,
    cluster: str,
    count: int,
    state: Path,
) -> None:
    """Call a host from a cluster, by its name or VIP; a TCP service is asked who it is."""
    from globaldns.demo.launching import request  # noqa: PLC0415  # as above
    from globaldns.demo.words import Curl  # noqa: PLC0415

    reply = request(_layout(state), Curl(host, cluster, count))
    if invocation.output is not OutputFormat.TABLE:
        print_structured({"vip": reply.vip, "answers": reply.tallies}, invocation.output)
    else:
        if not host.startswith(reply.vip):
            say(f"{host} is {reply.vip} in {cluster}")
        click.echo(format_table(_ANSWERS, [_answer_row(tally) for tally in reply.tallies]))
    context.exit(
        ExitCode.FAILED if any(tally.failure for tally in reply.tallies) else ExitCode.FINE
    )


def _answer_row(tally: Tally) -> tuple[str, ...]:
    if tally.failure:
        return (str(tally.count), "-", "-", f"failed: {tally.failure}")
    return (str(tally.count), tally.cluster, tally.workload, tally.caller or "-")


@demo.command()
@click.argument("one", metavar="CLUSTER")
@click.argument("other", metavar="CLUSTER")
@_place
def cut(one: str, other: str, state: Path) -> None:
    """Cut two clusters off from each other."""
    from globaldns.demo.words import Cut  # noqa: PLC0415  # as above

    _do(state, Cut(one, other), "cut")


@demo.command()
@click.argument("kind", type=click.Choice(["gateway", "pod"]))
@click.argument("name", metavar="NAME|CLUSTER")
@_place
def kill(kind: str, name: str, state: Path) -> None:
    """Kill a gateway or a pod, or all of a cluster."""
    from globaldns.demo.words import Kill  # noqa: PLC0415  # as above

    _do(state, Kill(kind, name), "killed")


@demo.command()
@_place
def heal(state: Path) -> None:
    """Undo all that was cut and killed."""
    from globaldns.demo.words import Heal  # noqa: PLC0415  # as above

    _do(state, Heal(), "healed")


def _do(state: Path, wanted: Request, verb: str) -> None:
    from globaldns.demo.launching import request  # noqa: PLC0415  # as above

    reply = request(_layout(state), wanted)
    click.echo(f"{verb}: {', '.join(reply.names) or 'nothing'}")


@demo.command("status")
@_state
@output_options
@click.pass_obj
def print_status(invocation: Invocation, state: Path) -> None:
    """Show names, gateways and pods."""
    from globaldns.demo.launching import request  # noqa: PLC0415  # as above
    from globaldns.demo.words import GetStatus  # noqa: PLC0415

    status = request(_layout(state), GetStatus()).status
    if status is None:
        return
    if invocation.output is not OutputFormat.TABLE:
        print_structured(status, invocation.output)
    else:
        click.echo(format_status(status))


@demo.command()
@_place
def down(state: Path) -> None:
    """End the box, and remove all that it made."""
    from globaldns.demo.launching import bring_down  # noqa: PLC0415  # as above

    ran = bring_down(_layout(state), wall_clock())
    say("the box is gone" if ran else "no box runs")


def format_status(status: Status) -> str:
    """Return how a box is, for people."""
    head = f"starting: {status.phase}" if status.phase else "ready"
    agreed = "serve the same" if status.is_agreed else "do not serve the same"
    lines = [f"{head}; the clusters {agreed}"]
    lines += [f"cut: {' - '.join(pair)}" for pair in status.cuts]
    lines += [f"ended: {name}" for name in status.ended]
    lines += [f"a ledger is not shown: {status.trouble}"] if status.trouble else []
    hosts = [
        (
            one.host,
            ",".join(sorted({vip for vips in one.vips.values() for vip in vips})) or "-",
            ",".join(one.exporters),
            ",".join(sorted(one.vips)) or "-",
        )
        for one in status.hosts
    ]
    tables = [
        format_table(_HOSTS, hosts),
        format_table(_GATEWAYS, [_unit_row(one) for one in status.gateways]),
        format_table(_PODS, [_unit_row(one) for one in status.pods]),
    ]
    return "\n".join(lines) + "\n\n" + "\n\n".join(tables)


def _unit_row(unit: UnitStatus) -> tuple[str, ...]:
    state = paint("up", Tone.GOOD, stream=sys.stdout)
    if not unit.is_up:
        state = paint("down", Tone.BAD, stream=sys.stdout)
    return (unit.name, unit.cluster, unit.address, state)
