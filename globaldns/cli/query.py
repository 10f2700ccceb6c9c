"""``globaldns query``: ask over DNS, and see beside the answer why it is that."""

from __future__ import annotations

import click
import msgspec

from globaldns.cli.explain import find_explanation
from globaldns.cli.explanation import format_explanation, is_unknown
from globaldns.cli.invocation import Invocation, reading_options
from globaldns.cli.output import OutputFormat, format_row, measure, print_structured, say
from globaldns.cli.reader import Reader, open_reader
from globaldns.cli.resolver import Answered, ask
from globaldns.cli.served import Served
from globaldns.config.values import split_listen
from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.message import Record, parse_type, reverse_name
from globaldns.errors import GlobalDnsError, InvalidValue
from globaldns.model.explanation import Explanation
from globaldns.model.host import fold, split_zone


class Queried(msgspec.Struct, frozen=True):
    """What ``-o json`` prints."""

    answer: Answered
    explanation: Explanation | None
    """None where the name is no host, or nothing could be asked why."""


def _parse_type(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_type(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no record type: A, AAAA, SRV, TXT, PTR, TYPE65…", context, parameter
        ) from None


def _parse_address(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    try:
        return None if text is None else split_listen(text)
    except InvalidValue as error:
        raise click.BadParameter(f"{error}; {error.hint}", context, parameter) from None


@click.command()
@click.argument("host")
@click.argument("rrtype", metavar="[TYPE]", default="", callback=_parse_type)
@click.option("--at", metavar="ADDRESS:PORT", callback=_parse_address, help="Ask this DNS server.")
@click.option("--tcp", is_flag=True, help="Ask over TCP at once.")
@reading_options
@click.pass_obj
def query(
    invocation: Invocation,
    host: str,
    rrtype: int | None,
    at: tuple[str, int] | None,
    *,
    tcp: bool,
) -> None:
    """Ask a server over DNS, and show why it answers that.

    HOST may be written with or without its zone; one that ends with a dot is asked as it stands,
    and an address is asked for its name.
    """
    reader = _try_reader(invocation, is_needed=at is None)
    served = reader.served() if reader else Served((), "", 0)
    if not (reader or is_whole(host)):
        say(f"the zones are not known: {host} is asked as it stands; --server URL knows them")
    name, default = to_question(host, served.zones)
    address, port = at or (served.host, served.port)
    answered = ask(name, rrtype or default, host=address, port=port, tcp=tcp)
    explanation = explain_name(reader, host, served.zones) if reader else None
    if invocation.output is not OutputFormat.TABLE:
        print_structured(Queried(answered, explanation), invocation.output)
        return
    click.echo(format_answer(answered))
    if explanation and is_unknown(explanation) and answered.message.rcode == Rcode.NOERROR.name:
        say(f"{explanation.host} is no host, but a name of the zone's own")
    elif reader and explanation:
        click.echo(f"\n{format_explanation(explanation, with_history=False)}")


def to_question(text: str, zones: tuple[str, ...]) -> tuple[str, int]:
    """Return the name to ask, and the type if none is said: PTR for an address, else A."""
    if (reverse := reverse_name(text)) is not None:
        return reverse, Rrtype.PTR
    name = fold(text)
    is_in_zone = is_whole(text) or split_zone(name, zones)
    return (name if is_in_zone or not zones else f"{name}.{zones[0]}"), Rrtype.A


def is_whole(text: str) -> bool:
    """Whether a name is one whatever the zones are."""
    return text.endswith(".") or fold(text).endswith(".arpa") or reverse_name(text) is not None


def to_target(text: str, zones: tuple[str, ...]) -> str | None:
    """Return what explains a name: an address, or a host without the labels that are not its own.

    None: the name is no host's.
    """
    if reverse_name(text) is not None:
        return text
    split = split_zone(to_question(text, zones)[0], zones)
    labels = split[0].split(".") if split else []
    while labels and labels[0].startswith("_"):  # _http._tcp of SRV, _explain
        del labels[0]
    return ".".join(labels) or None


def explain_name(reader: Reader, text: str, zones: tuple[str, ...]) -> Explanation | None:
    """Return why a name is answered as it is; what stands in the way of that is said."""
    target = to_target(text, zones)
    if target is None:
        if (name := fold(text)) in zones:
            say(f"{name} is a zone, and no host in it")
            return None
        say(f"{text} is no host of {', '.join(zones)}: there is nothing to explain")
        return None
    try:
        return find_explanation(reader, target)
    except GlobalDnsError as error:
        say(f"no explanation: {error}")
        return None


def format_answer(answered: Answered) -> str:
    """Return an answer as dig prints it."""
    message = answered.message
    lines = [f";; {message.rcode}, flags: {' '.join(message.flags)}", f";{message.question}"]
    sections = (message.answer, message.authority, message.additional)
    records = [_record_row(record) for section in sections for record in section]
    widths = measure(records) if records else []
    for title, section in zip(("answer", "authority", "additional"), sections, strict=True):
        if section:
            lines += ["", f";; {title}"]
            lines += [format_row(_record_row(record), widths) for record in section]
    how = f"{answered.server} over {answered.protocol}, {answered.milliseconds:.1f} ms"
    return "\n".join((*lines, "", f";; {how}, {message.octets} octets"))


def _record_row(record: Record) -> tuple[str, ...]:
    return (record.name, str(record.ttl), "IN", record.type, record.data)


def _try_reader(invocation: Invocation, *, is_needed: bool) -> Reader | None:
    """Return where to read why; None where that fails and a DNS server is named all the same."""
    try:
        return open_reader(invocation)
    except GlobalDnsError as error:
        if is_needed:
            raise
        say(f"no explanation: {error}")
        return None
