"""``globaldns vip``: who has which VIP, now and before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from globaldns.admin.reports import ClaimReport, PoolReport, VipReport
from globaldns.admin.vips import HELD
from globaldns.cli.explain import read_vip, unknown_host
from globaldns.cli.explanation import format_history, is_unknown
from globaldns.cli.invocation import Invocation, reading_options
from globaldns.cli.ledger import export_claims, import_claims, verify
from globaldns.cli.output import (
    ABSENT,
    OutputFormat,
    format_row,
    format_table,
    measure,
    print_structured,
    say,
    show_time,
    wrap_list,
)
from globaldns.cli.reader import Reader, open_reader
from globaldns.cli.renumbering import plan, renumber
from globaldns.errors import RequestRefused
from globaldns.model.explanation import ClaimLine, Explanation
from globaldns.model.host import Host

COLUMNS = ("VIP", "HOST", "STATE", "KIND", "CLUSTERS", "SINCE")
POOL_COLUMNS = ("POOL", "HELD", "RESTING", "FREE", "USED")


@click.group()
def vip() -> None:
    """Read and change the ledger of virtual IPs."""


@vip.command("list")
@click.argument("glob", metavar="[HOST-GLOB]", default="*")
@reading_options
@click.pass_obj
def list_vips(invocation: Invocation, glob: str) -> None:
    """List VIPs and how full the pools are."""
    reader = open_reader(invocation)
    page = reader.vips(glob)
    if invocation.output is not OutputFormat.TABLE:
        print_structured({"pools": page.pools, "vips": page.items}, invocation.output)
        return
    if page.items:
        click.echo(format_table(COLUMNS, [to_row(item, reader.now) for item in page.items]))
        click.echo()
    else:
        say("no VIPs found")
    click.echo(format_table(POOL_COLUMNS, map(to_pool_row, page.pools)))


@vip.command()
@click.argument("target", metavar="VIP|HOST")
@reading_options
@click.pass_obj
def show(invocation: Invocation, target: str) -> None:
    """Show a VIP, or those a host has or had last."""
    reader = open_reader(invocation)
    explanation = _explain(reader, target)
    found = select_vips(reader, explanation, read_vip(target))
    if invocation.output is OutputFormat.TABLE:
        click.echo("\n\n".join(format_vip(item, reader.now) for item in found))
    else:
        print_structured({"vips": found}, invocation.output)


@vip.command()
@click.argument("target", metavar="HOST|VIP")
@reading_options
@click.pass_obj
def history(invocation: Invocation, target: str) -> None:
    """Show the claims of a host or VIP, newest first."""
    reader = open_reader(invocation)
    claims = select_claims(_explain(reader, target).history, read_vip(target))
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_history(claims, reader.now))
    else:
        print_structured({"claims": claims}, invocation.output)


for _command in (plan, renumber, verify, export_claims, import_claims):
    vip.add_command(_command)


def _explain(reader: Reader, target: str) -> Explanation:
    """Return what is known of a host or VIP.

    Raises:
        RequestRefused: nothing is.
    """
    explanation = reader.explain(target)
    if is_unknown(explanation):
        raise unknown_host(reader, explanation.host)
    if not explanation.history:
        raise RequestRefused(
            f"{explanation.host!r} has no VIP and never had one",
            hint=f"globaldns explain {explanation.host} says why",
        )
    return explanation


def select_vips(reader: Reader, explanation: Explanation, wanted: str | None) -> list[VipReport]:
    """Return the VIP that is wanted, or all that stand for a host or did last."""
    items = reader.vips(wanted or explanation.host).items
    return [item for item in items if wanted or item.host == explanation.host]


def select_claims(claims: Iterable[ClaimLine], wanted: str | None) -> list[ClaimLine]:
    """Return the claims of the VIP that is wanted, or all."""
    return [claim for claim in claims if wanted is None or claim.vip == wanted]


def to_row(item: VipReport, now: int) -> tuple[str, ...]:
    """Return the cells of a VIP."""
    since = show_time(item.since, now)
    return (item.vip, item.host, item.state, item.kind, wrap_list(item.clusters), since)


def to_pool_row(pool: PoolReport) -> tuple[str, ...]:
    """Return the cells of a pool; used is what new hosts cannot get."""
    capacity = pool.size - pool.reserved
    used = f"{100 * (capacity - pool.free) / capacity:.1f}%" if capacity else ABSENT
    return (pool.pool, str(pool.held), str(pool.resting), str(pool.free), used)


def format_vip(item: VipReport, now: int) -> str:
    """Return a VIP with all its claims."""
    rows = list(_facts(item, now))
    widths = measure(rows)
    lines = [item.vip, *(f"  {format_row(row, widths)}" for row in rows)]
    return "\n".join((*lines, *_claims(item, now)))


def _facts(item: VipReport, now: int) -> Iterator[tuple[str, str]]:
    yield "state", f"{item.state}, for {show_time(item.since, now)}"
    yield "host", item.host
    yield "kind", item.kind
    yield "clusters", ", ".join(item.clusters) or ABSENT


def _claims(item: VipReport, now: int) -> Sequence[str]:
    lines = [
        ClaimLine(
            host=Host(claim.host),
            vip=claim.vip,
            cluster=claim.cluster,
            kind=claim.kind,
            allocated_at=claim.allocated_at,
            retired_at=claim.retired_at or "",
            reason=claim.reason,
            is_holding=_is_holding(claim, item),
        )
        for claim in reversed(item.claims)
    ]
    return ("", format_history(lines, now)) if lines else ()


def _is_holding(claim: ClaimReport, item: VipReport) -> bool:
    """Whether a claim is the one by which a host has the VIP now."""
    return (
        item.state == HELD
        and not claim.retired_at
        and (claim.cluster, claim.host) == (item.holder, item.host)
        and (claim.kind, claim.allocated_at) == (item.kind, item.since)
    )
