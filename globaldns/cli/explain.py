"""``globaldns explain``: why a host or a VIP answers what it answers."""

from __future__ import annotations

from difflib import get_close_matches

import click

from globaldns.cli.explanation import UNKNOWN, format_explanation, is_unknown
from globaldns.cli.invocation import Invocation, reading_options
from globaldns.cli.output import OutputFormat, print_structured, say
from globaldns.cli.reader import Reader, open_reader
from globaldns.errors import InvalidAddress, RequestRefused
from globaldns.model.address import format_address, parse_address
from globaldns.model.explanation import Explanation


@click.command()
@click.argument("target", metavar="HOST|VIP")
@reading_options
@click.pass_obj
def explain(invocation: Invocation, target: str) -> None:
    """Say why a host or VIP answers what it answers.

    HOST may be written with or without its zone.
    """
    reader = open_reader(invocation)
    explanation = find_explanation(reader, target)
    if is_unknown(explanation) and not explanation.unheard:
        raise unknown_host(reader, explanation.host)
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_explanation(explanation, with_history=True))
    else:
        print_structured(explanation, invocation.output)


def find_explanation(reader: Reader, target: str) -> Explanation:
    """Return what explains a name: its own host, else the wildcard that answers for it.

    The nearest name above that is known decides (RFC 4592 section 3.3.1).
    """
    explanation = reader.explain(target)
    if explanation.state != UNKNOWN or read_vip(target):
        return explanation
    parent = explanation.host.partition(".")[2]
    while parent:
        above = reader.explain(f"*.{parent}")
        if above.state != UNKNOWN:
            say(f"{explanation.host} has no export of its own: {above.host} answers for it")
            return above
        if reader.explain(parent).state != UNKNOWN:
            break
        parent = parent.partition(".")[2]
    return explanation


def read_vip(target: str) -> str | None:
    """Return a VIP as it is written canonically; None where a host is meant."""
    try:
        return format_address(parse_address(target))
    except InvalidAddress:
        return None


def unknown_host(reader: Reader, host: str) -> RequestRefused:
    """Return the refusal of a host that nobody knows, with the nearest one that is known."""
    hosts = [service.host for service in reader.services("*")]
    near = get_close_matches(host, hosts, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return RequestRefused(
        f"{host!r} is exported by no cluster and has no history",
        hint=f"{hint}globaldns list shows every host, globaldns check what was refused",
    )
