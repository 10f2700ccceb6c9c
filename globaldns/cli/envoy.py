"""``globaldns envoy``: what Envoys that no istiod configures are started with and told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from globaldns.cli.findings import count, print_findings
from globaldns.cli.invocation import AnyCommand, Invocation, config_options, local_options
from globaldns.cli.output import OutputFormat, print_structured, say
from globaldns.config.schema import Config
from globaldns.config.values import parse_ip, split_listen
from globaldns.envoy.bootstrap import CONCURRENCY, AdminPlace, bootstrap
from globaldns.envoy.rules import Credentials, Role
from globaldns.envoy.secrets import secret_files
from globaldns.errors import InvalidValue, RequestRefused
from globaldns.model.finding import Finding, Severity
from globaldns.tasks import wall_clock

if TYPE_CHECKING:
    from globaldns.app.envoys import Workload

UNIX = "unix:"
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)

_role = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="sidecar: beside clients; gateway: at the edge; workload: in front of an application.",
)
_cluster = click.option("--cluster", metavar="ID", help="Whose Envoy [the configuration's own].")


def _place(command: AnyCommand) -> AnyCommand:
    return _role(_cluster(command))


@click.group()
def envoy() -> None:
    """Configure Envoys that no istiod configures."""


@envoy.command("bootstrap")
@_place
@click.option("--directory", type=_FOLDER, help="Where its documents are [envoy.directory].")
@click.option("--node", metavar="ID", help="Its id [the role and this machine's name].")
@click.option(
    "--admin",
    metavar=f"ADDRESS:PORT|{UNIX}PATH",
    help="Where it answers for its administrator [a unix socket beside its documents].",
)
@local_options
@click.pass_obj
def print_bootstrap(
    invocation: Invocation,
    *,
    role: str,
    cluster: str | None,
    directory: Path | None,
    node: str | None,
    admin: str | None,
) -> None:
    """Print what an Envoy is started with."""
    config = invocation.load_config()
    folder = find_folder(config, directory, Role(role), "--directory").absolute()
    document = bootstrap(
        node=node or f"{role}.{socket.gethostname()}",
        cluster=cluster or config.cluster,
        folder=str(folder),
        admin=parse_admin(admin or f"{UNIX}{folder / 'admin.sock'}"),
    )
    is_json = invocation.output is OutputFormat.JSON
    print_structured(document, OutputFormat.JSON if is_json else OutputFormat.YAML)
    say(f"start it with: envoy -c FILE --concurrency {CONCURRENCY} --use-dynamic-base-id")


@envoy.command("xds")
@_place
@click.option("--to", "directory", type=_FOLDER, help="Where they go [envoy.directory].")
@click.option("--address", metavar="IP", help="Of a workload: where its callers find it.")
@click.option("--forward", metavar="IP", help="Of a workload: its application [127.0.0.1].")
@click.option("--certificate", type=_FILE, help="PEM file of it and its chain.")
@click.option("--key", type=_FILE, help="PEM file of its key, in the same folder.")
@click.option("--authority", type=_FILE, help="PEM file of the mesh's roots.")
@config_options
@click.pass_obj
def write_documents(
    invocation: Invocation,
    /,
    *,
    role: str,
    cluster: str | None,
    directory: Path | None,
    address: str | None,
    forward: str | None,
    **files: Path | None,
) -> None:
    """Write the documents of an Envoy once; serve keeps those of its own cluster current.

    They are what configuration, manifests and ledger say now; a server need not run.
    """
    # Here, because help does not pay for all that reads manifests.
    from globaldns.app.envoydesk import write_once  # noqa: PLC0415
    from globaldns.app.envoys import envoy_rules, make_documents  # noqa: PLC0415
    from globaldns.app.offline import read_offline  # noqa: PLC0415
    from globaldns.app.pemfiles import PemFiles  # noqa: PLC0415

    config = with_files(invocation.load_config(), files)
    cluster = cluster or config.cluster
    folder = find_folder(config, directory, Role(role), "--to")
    workload = find_workload(Role(role), address, forward)
    credentials = envoy_rules(config, cluster, folder).credentials
    check_files(credentials)
    mesh = read_offline(config, wall_clock())
    documents = make_documents(mesh, Role(role), cluster, folder, workload)
    pem_files = PemFiles()
    pem_files.look(credentials)
    print_findings([*map(missing, pem_files.missing)], to_stderr=True)
    write_once(folder, secret_files(credentials, pem_files.turned), documents)
    clusters, listeners = len(documents.clusters), len(documents.listeners)
    say(f"{folder}: {count(clusters, 'cluster')}, {count(listeners, 'listener')}")


def find_folder(config: Config, directory: Path | None, role: Role, option: str) -> Path:
    """Return where the documents of a role are; ``option`` is what names their directory.

    Raises:
        RequestRefused: nobody says where.
    """
    found = directory or config.envoy.directory
    if found is None:
        raise RequestRefused(
            "it is not known where documents are",
            hint=f"name their directory with {option}, or set the key envoy.directory",
        )
    return found / role


def with_files(config: Config, files: dict[str, Path | None]) -> Config:
    """Return a configuration with other PEM files where some are named.

    Raises:
        RequestRefused: the key is not in the certificate's folder, which is watched for both.
    """
    named = {name: path.absolute() for name, path in files.items() if path is not None}
    envoy = replace(config.envoy, **named)
    if envoy.certificate.parent != envoy.key.parent:
        raise RequestRefused(
            f"{envoy.key} is not in the folder of {envoy.certificate}",
            hint="put both into one: it is watched for new ones",
        )
    return replace(config, envoy=envoy)


def check_files(credentials: Credentials) -> None:
    """Look into PEM files that are here and for us; others are for the Envoy's machine, or user.

    Raises:
        CertificateError: one does not hold what it is named for.
    """
    from globaldns.trust.pem import parse_certificates, parse_key  # noqa: PLC0415  # as above

    files: tuple[tuple[str, Callable[[bytes, str], object]], ...] = (
        (credentials.certificate, parse_certificates),
        (credentials.key, parse_key),
        (credentials.authority, parse_certificates),
    )
    for path, parse in files:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            parse(Path(path).read_bytes(), path)


def missing(path: str) -> Finding:
    """Return what is said of a PEM file that is not here."""
    return Finding(
        Severity.WARNING,
        "no-certificate",
        "it is not on this machine",
        file=path,
        hint="if the Envoy runs here, put it there, and write its documents again",
    )


def find_workload(role: Role, address: str | None, forward: str | None) -> Workload | None:
    """Return where a workload is; None: another role.

    Raises:
        UsageError: addresses are named for another role, or are none.
    """
    if role is not Role.WORKLOAD:
        if address or forward:
            raise click.UsageError("--address and --forward are for --role workload")
        return None
    if address is None:
        raise click.UsageError("--role workload needs --address")
    from globaldns.app.envoys import Workload  # noqa: PLC0415  # as above

    try:
        return Workload(parse_ip(address), parse_ip(forward or "127.0.0.1"))
    except InvalidValue as error:
        raise click.UsageError(str(error)) from None


def parse_admin(text: str) -> AdminPlace:
    """Return where an administrator comes.

    Raises:
        UsageError: it is neither an address with its port nor a path.
    """
    if text.startswith(UNIX):
        return AdminPlace(path=text.removeprefix(UNIX))
    try:
        host, port = split_listen(text)
    except InvalidValue as error:
        raise click.UsageError(f"--admin: {error}; {error.hint}") from None
    return AdminPlace(host=host, port=port)
