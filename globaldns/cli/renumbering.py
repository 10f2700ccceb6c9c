"""``globaldns vip plan`` and ``vip renumber``: which hosts would move, and moving them."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from globaldns.admin.reports import MoveReport
from globaldns.cli.invocation import Invocation, local_options
from globaldns.cli.output import (
    ABSENT,
    OutputFormat,
    format_table,
    print_structured,
    say,
    wrap_list,
)
from globaldns.cli.reader import ledger_config
from globaldns.config.schema import Config
from globaldns.errors import RequestRefused
from globaldns.model.address import Address, format_address
from globaldns.model.host import Host, fold, is_service_host, split_zone
from globaldns.registry.plan import PlannedMove
from globaldns.tasks import wall_clock

COLUMNS = ("HOST", "OLD", "NEW", "WHY")


class PlannedReport(msgspec.Struct, frozen=True):
    """A move that has not happened, as ``-o json`` prints it."""

    host: str
    old: str
    new: str | None
    reason: str
    by: str


_PLAN_HELP = """\
Show what the configuration file would move.

\b
outside-pools   the VIP is in no pool: stays until globaldns vip renumber HOST
pinned          the host is pinned now: moves at once
pin-of-another  another host pins this VIP: moves at once
"""
"""What --help prints; the lines after the mark are not filled into a paragraph."""


@click.command(help=_PLAN_HELP)
@local_options
@click.pass_obj
def plan(invocation: Invocation) -> None:
    """Show what the configuration file would move."""
    # Here, because only commands that read manifests need all that reads them.
    from globaldns.app.offline import read_offline  # noqa: PLC0415
    from globaldns.registry.plan import plan as plan_moves  # noqa: PLC0415

    registry = read_offline(ledger_config(invocation), wall_clock(), numbered=False).registry
    moves = tuple(map(report_planned, plan_moves(registry, registry.settings)))
    if invocation.output is not OutputFormat.TABLE:
        print_structured({"moves": moves}, invocation.output)
    elif moves:
        click.echo(format_table(COLUMNS, map(to_planned_row, moves)))
    else:
        say("nothing would move")


@click.command()
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@local_options
@click.pass_obj
def renumber(invocation: Invocation, hosts: tuple[str, ...]) -> None:
    """Give hosts new VIPs from the pools of today."""
    config = ledger_config(invocation)
    moves = move(config, [find_host(text, config) for text in hosts])
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_table(COLUMNS, map(to_row, moves)))
    else:
        print_structured({"moves": moves}, invocation.output)


def move(config: Config, hosts: Sequence[Host]) -> Sequence[MoveReport]:
    """Have the running server renumber hosts, or do it where none runs.

    Where the ledger is in Kubernetes that is only wished, in their GlobalServices: the replica that
    writes it does it, wherever the command runs.

    Raises:
        RequestRefused: a host has no number that could move; none is moved.
    """
    # Here, because asyncio and what writes a ledger are needed by few commands.
    from globaldns.admin.control import Renumber, ask  # noqa: PLC0415
    from globaldns.app.changing import renumber_offline  # noqa: PLC0415
    from globaldns.app.ledgers import read_claims  # noqa: PLC0415

    if config.vips.ledger.kubernetes is not None and all(map(is_service_host, hosts)):
        return wish(config, hosts)
    reply = ask(config.state, Renumber(tuple(hosts)))
    if reply is None:
        say(f"no server runs: changing the ledger in {config.state}")
        if read_claims(config) is None:
            say("there is no ledger yet: one is begun, which knows no VIP")
        return renumber_offline(config, hosts, wall_clock())
    say(f"done by the server of {config.state}")
    return reply.moves


def wish(config: Config, hosts: Sequence[Host]) -> Sequence[MoveReport]:
    """Have the replica that writes the ledger renumber hosts, and say how to see that it did.

    Raises:
        RequestRefused: a host has no GlobalService in our own cluster; nothing is wished.
        ApiError: not every wish is written.
    """
    # Here, because it imports the client of API servers.
    from globaldns.app.wishing import wish_other_numbers  # noqa: PLC0415

    moves = wish_other_numbers(config, hosts, wall_clock())
    say(f"wished in spec.renumber of {len(moves)} GlobalServices of {config.cluster}")
    name, _, namespace = hosts[0].partition(".")
    say(
        "the replica that writes the ledger does it, and tells in status.renumberedAt or in the "
        f"condition VIPMoved: kubectl -n {namespace} get globalservice {name} -o yaml"
    )
    return moves


def find_host(text: str, config: Config) -> Host:
    """Return the host that a person wrote, with or without its zone.

    Raises:
        RequestRefused: it is a zone itself.
    """
    name = fold(text)
    split = split_zone(name, [zone.name for zone in config.zones])
    host = split[0] if split else Host(name)
    if not host:
        raise RequestRefused(f"{text!r} is no host", hint="globaldns list shows every host")
    return host


def report_planned(planned: PlannedMove) -> PlannedReport:
    """Return a planned move with its addresses as text."""
    return PlannedReport(
        planned.host,
        format_address(planned.old),
        _format_optional(planned.new),
        planned.reason,
        planned.by,
    )


def to_planned_row(planned: PlannedReport) -> tuple[str, ...]:
    """Return the cells of a planned move."""
    by = "" if planned.by == planned.host else f" of {planned.by}"
    return (planned.host, planned.old, planned.new or ABSENT, f"{planned.reason}{by}")


def to_row(moved: MoveReport) -> tuple[str, ...]:
    """Return the cells of a move that has happened."""
    return (moved.host, wrap_list(moved.old), wrap_list(moved.new), moved.reason)


def _format_optional(address: Address | None) -> str | None:
    return None if address is None else format_address(address)
