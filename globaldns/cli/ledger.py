"""``globaldns vip verify``, ``export`` and ``import``: the ledger itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import TextIO

import click

from globaldns.cli.check import verdict
from globaldns.cli.findings import count, print_findings, summarise
from globaldns.cli.invocation import Invocation, local_options
from globaldns.cli.output import OutputFormat, print_structured, say
from globaldns.cli.reader import ledger_config
from globaldns.config.schema import Config
from globaldns.config.special import find_special
from globaldns.errors import InvalidHost, LedgerError, RequestRefused
from globaldns.model.claim import (
    Claim,
    format_claim,
    format_claims,
    format_head,
    parse_claims,
)
from globaldns.model.host import check_host
from globaldns.tasks import MAX_DRIFT_SECONDS, wall_clock

SHOWN_PROBLEMS = 20
"""Of a text that is no ledger at all every line is one."""


@click.command()
@local_options
@click.pass_obj
@click.pass_context
def verify(context: click.Context, invocation: Invocation) -> None:
    """Check that the ledger is whole and does not contradict itself."""
    # Here, because only commands that read a ledger need SQLite.
    from globaldns.app.ledgers import verify_ledger  # noqa: PLC0415

    findings = verify_ledger(ledger_config(invocation))
    if findings is None:
        say("there is no ledger yet: globaldns serve begins one")
    found = findings or ()
    if invocation.output is not OutputFormat.TABLE:
        print_structured(found, invocation.output)
    elif findings is not None:
        print_findings(found)
        click.echo(summarise(found, files=1))
    context.exit(verdict(found, strict=False))


@click.command("export")
@local_options
@click.pass_obj
def export_claims(invocation: Invocation) -> None:
    """Print every claim, those that other clusters keep among them, for vip import."""
    # Here, for the same reason.
    from globaldns.admin.vips import report_claim  # noqa: PLC0415
    from globaldns.app.ledgers import read_claims  # noqa: PLC0415

    config = ledger_config(invocation)
    ledger = read_claims(config)
    if ledger is None or ledger.marker is None:
        raise LedgerError(f"{config.state} has no ledger yet", hint="globaldns serve begins one")
    claims = ledger.everything
    if invocation.output is OutputFormat.TABLE:
        size, now = len(claims), wall_clock()
        head = format_head(ledger.marker, cluster=config.cluster, count=size, now=now)
        click.echo(head, nl=False)
        click.echo(format_claims(claims), nl=False)
    else:
        reports = [report_claim(claim) for claim in sorted(claims)]
        print_structured({"marker": ledger.marker, "claims": reports}, invocation.output)


@click.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
@local_options
@click.pass_obj
def import_claims(invocation: Invocation, file: TextIO) -> None:
    """Take claims into the ledger.

    FILE (- is stdin) is what vip export or the daily backup wrote. All of it is checked before
    anything is written; what is known already stays.
    """
    config = ledger_config(invocation)
    claims = read_claim_lines(file, config, wall_clock())
    new = take(config, claims)
    if invocation.output is OutputFormat.TABLE:
        click.echo(f"{count(len(claims), 'claim')} read, {new} new or changed")
    else:
        print_structured({"read": len(claims), "new": new}, invocation.output)


def take(config: Config, claims: Sequence[Claim]) -> int:
    """Have the running server take claims, or do it where none runs; return how many were new."""
    # Here, because asyncio and what writes a ledger are needed by few commands.
    from globaldns.admin.control import Import, ask  # noqa: PLC0415
    from globaldns.app.changing import import_offline  # noqa: PLC0415

    reply = ask(config.state, Import(format_claims(claims)))
    if reply is None:
        new = import_offline(config, claims, wall_clock())
        say(f"no server runs: the ledger in {config.state} is changed")
        return new
    say(f"done by the server of {config.state}")
    return reply.claims


def read_claim_lines(file: TextIO, config: Config, now: int) -> tuple[Claim, ...]:
    """Return the claims of a file that can all be true.

    Raises:
        LedgerError: a line is no claim, or some are missing.
        RequestRefused: there are none, or some that cannot be; the message has a line for each.
    """
    try:
        claims = parse_claims(file.read())
    except UnicodeDecodeError as error:
        raise LedgerError(f"{file.name}: it is no text: {error}") from error
    except LedgerError as error:
        hint = "take a whole one, as globaldns vip export, without -o, prints it"
        raise LedgerError(f"{file.name}: {error}", hint=hint) from error
    if not claims:
        hint = "an older backup has some; serve --new-ledger begins without any"
        raise RequestRefused(f"{file.name} has no claims: nothing is imported", hint=hint)
    problems = [problem for claim in claims for problem in inspect_claim(claim, config, now)]
    if problems:
        more = [f"  and {len(problems) - SHOWN_PROBLEMS} more"] * (len(problems) > SHOWN_PROBLEMS)
        raise RequestRefused(
            "\n".join((f"{file.name}: nothing is imported", *problems[:SHOWN_PROBLEMS], *more)),
            hint="correct or remove these lines",
        )
    return claims


def inspect_claim(claim: Claim, config: Config, now: int) -> Iterator[str]:
    """Yield what cannot be in a claim, one finished line each."""
    line = format_claim(claim)
    try:
        check_host(claim.host, config.zones[0].name)
    except InvalidHost as error:
        yield f"  {line}: {error}"
    allowed = tuple(map(ip_network, config.vips.allow_special))
    if special := find_special(ip_network(claim.vip), allowed):
        yield f"  {line}: its address lies in {special[0]}, {special[1]}: no place for a VIP"
    if not claim.cluster:
        yield f"  {line}: it names no cluster"
    if claim.retired_at is not None and claim.retired_at < claim.allocated_at:
        yield f"  {line}: it ends before it begins"
    if max(claim.allocated_at, claim.retired_at or 0) > now + MAX_DRIFT_SECONDS:
        yield f"  {line}: it lies in the future"
