"""``globaldns list``: one line per service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import click

from globaldns.admin.reports import PortReport, ServiceReport
from globaldns.admin.selection import compile_glob
from globaldns.cli.invocation import Invocation, reading_options
from globaldns.cli.output import (
    ABSENT,
    OutputFormat,
    format_row,
    format_table,
    measure,
    print_event,
    print_structured,
    say,
    show_time,
    wrap_list,
)
from globaldns.cli.reader import Change, Reader, RemoteReader, open_reader
from globaldns.errors import GlobalDnsError
from globaldns.model.service import ServiceState

COLUMNS = ("HOST", "VIP", "CLUSTERS", "ENDPOINTS", "PORTS", "AGE")
REMOVED = "<removed>"
_ROOM = tuple(" " * width for width in (36, 24, 14, 9, 12, 5))
"""What a watch leaves for rows that are still to come."""


@click.command("list")
@click.argument("glob", metavar="[HOST-GLOB]", default="*")
@click.option("--cluster", metavar="ID", default="", help="Only what this cluster exports.")
@click.option("-w", "--watch", is_flag=True, help="Go on with a line for every change.")
@reading_options
@click.pass_obj
def list_services(invocation: Invocation, glob: str, cluster: str, *, watch: bool) -> None:
    """List services and their VIPs.

    ENDPOINTS are ready/all where some are not ready; AGE is that of the VIP.
    """
    reader = open_reader(invocation)
    if not watch:
        show(list(reader.services(glob, cluster=cluster)), reader, invocation.output)
        return
    if not isinstance(reader, RemoteReader):
        raise GlobalDnsError(
            "--watch needs a running server", hint="globaldns serve, or name one with --server"
        )
    while True:
        follow(reader, glob, cluster, invocation.output)


def show(services: Sequence[ServiceReport], reader: Reader, output: OutputFormat) -> None:
    """Print services, and say where there may be more."""
    if output is not OutputFormat.TABLE:
        print_structured({"services": services}, output)
        return
    if services:
        click.echo(format_table(COLUMNS, [to_row(service, reader.now) for service in services]))
    if unheard := reader.unheard():
        none = "" if services else "no services known; "
        say(f"{none}not read as a whole: {', '.join(unheard)}; globaldns check says why")
    elif not services:
        say("no services found")


def to_row(service: ServiceReport, now: int) -> tuple[str, ...]:
    """Return the cells of a service."""
    return (
        service.names[0] if service.names else service.host,
        format_vips(service),
        wrap_list(service.clusters),
        format_endpoints(service.ready, service.endpoints),
        wrap_list([format_port(port) for port in service.ports]),
        show_time(service.allocated_at or "", now),
    )


def format_vips(service: ServiceReport) -> str:
    """Return its VIPs, those it would get, or in angle brackets why it has none."""
    is_answered = bool(service.vips) and ServiceState(service.state).tells_addresses
    answered = wrap_list(service.vips) if is_answered else ""
    if service.would_get:
        return f"{answered} would get {','.join(service.would_get)}".lstrip()
    return answered or f"<{service.state}>"


def format_endpoints(ready: int, total: int) -> str:
    """Return the number of endpoints; ``ready/total`` where some are not ready."""
    return str(total) if ready == total else f"{ready}/{total}"


def format_port(port: PortReport) -> str:
    """Return a port as ``9080/http``; ``53/udp`` where its transport is not TCP."""
    word = port.transport if port.transport != "tcp" else port.protocol.lower()
    return f"{port.number}/{word or 'tcp'}"


def follow(reader: RemoteReader, glob: str, cluster: str, output: OutputFormat) -> None:
    """Print what there is, then each change, until the server ends the stream."""
    changes = reader.changes()  # connected first: what changes during the listing is not lost
    services = list(reader.services(glob, cluster=cluster))
    rows = [to_row(service, reader.now) for service in services]
    widths = measure([COLUMNS, _ROOM, *rows])
    if output is OutputFormat.TABLE:
        click.echo("\n".join(format_row(row, widths) for row in (COLUMNS, *rows)))
    else:
        for service in services:
            print_event(Change("service", service), output)
    shown = {service.host: service for service in services}
    for change in select_changes(changes, shown, choose(glob, cluster)):
        if output is OutputFormat.TABLE:
            click.echo(format_row(to_change_row(change, reader.now), widths))
        else:
            print_event(change, output)


def choose(glob: str, cluster: str) -> Callable[[ServiceReport], bool]:
    """Return whether a service is one that the listing asks for."""
    matches = compile_glob(glob)

    def is_meant(service: ServiceReport) -> bool:
        return matches((service.host, *service.names)) and (
            not cluster or cluster in service.clusters
        )

    return is_meant


def select_changes(
    changes: Iterable[Change],
    shown: dict[str, ServiceReport],
    is_meant: Callable[[ServiceReport], bool],
) -> Iterator[Change]:
    """Yield the changes of what is meant; what was shown and is no longer meant as removed."""
    for change in changes:
        if change.service is not None and is_meant(change.service):
            shown[change.service.host] = change.service
            yield change
            continue
        host = change.service.host if change.service is not None else change.host
        gone = shown.pop(host, None)
        if gone is not None:
            yield Change("service-removed", host=(gone.names or (host,))[0])


def to_change_row(change: Change, now: int) -> tuple[str, ...]:
    """Return the cells of a change."""
    if change.service is not None:
        return to_row(change.service, now)
    return (change.host, REMOVED, *[ABSENT] * (len(COLUMNS) - 2))
