"""``globaldns certs``: the common root of a mesh's certificates. No private key is ever printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from globaldns.cli.invocation import debug_option
from globaldns.cli.roots import check
from globaldns.config.kinds import ClusterId
from globaldns.config.texts import TEXTS
from globaldns.errors import InvalidValue
from globaldns.model.claim import format_time
from globaldns.tasks import wall_clock
from globaldns.trust.validity import DAY_SECONDS, INTERMEDIATE_DAYS, MAX_DAYS, ROOT_DAYS

NAMESPACE = "istio-system"
SECRET = "cacerts"  # noqa: S105 - a name

_directory = click.Path(path_type=Path, file_okay=False, readable=False)
_days = click.IntRange(1, MAX_DAYS)


@click.group()
def certs() -> None:
    """Issue a mesh's certificates; check that clusters share a root."""


@certs.command()
@click.option("--to", metavar="DIR", type=_directory, required=True, help="Where it is written.")
@click.option("--organization", metavar="NAME", default="Istio", show_default=True)
@click.option("--days", type=_days, default=ROOT_DAYS, show_default=True, help="How long it lives.")
@click.option("--key-type", type=click.Choice(["ec", "rsa"]), default="ec", show_default=True)
@debug_option
def init(to: Path, organization: str, days: int, key_type: str) -> None:
    """Make a root for the mesh: root-cert.pem and root-key.pem.

    Whoever has the key can be anybody in every cluster: keep DIR off the clusters, and offline.
    """
    # Here, because only these commands need what makes certificates.
    from globaldns.trust import layout  # noqa: PLC0415
    from globaldns.trust.issuing import KeyType, issue_root  # noqa: PLC0415

    layout.refuse_to_overwrite(to, layout.ROOT_FILES)
    root = issue_root(
        organization=organization, key_type=KeyType(key_type), now=wall_clock(), days=days
    )
    layout.write_files(to, layout.format_root(root))
    click.echo(
        f"wrote {layout.ROOT_CERT} and {layout.ROOT_KEY} to {to}, "
        f"valid until {format_time(root.validity.expires)}; next, for each cluster:\n"
    )
    click.echo(
        f"  globaldns certs intermediate --root {shlex.quote(str(to))} --cluster ID --to DIR"
    )


@certs.command()
@click.option("--root", metavar="DIR", type=_directory, required=True, help="Where the root is.")
@click.option("--cluster", metavar="ID", required=True, help="The cluster's id.")
@click.option("--to", metavar="DIR", type=_directory, required=True, help="Where it is written.")
@click.option(
    "--days", type=_days, default=INTERMEDIATE_DAYS, show_default=True, help="How long it lives."
)
@debug_option
def intermediate(root: Path, cluster: str, to: Path, days: int) -> None:
    """Make an intermediate for one cluster: its Secret cacerts.

    It has a key of its own, of the root's kind, and does not outlive the root.
    """
    # Here, for the same reason.
    from globaldns.trust import layout  # noqa: PLC0415
    from globaldns.trust.issuing import issue_intermediate  # noqa: PLC0415
    from globaldns.trust.verification import read_root  # noqa: PLC0415

    _check_id(cluster)
    layout.refuse_to_overwrite(to, layout.CACERTS)
    now = wall_clock()
    authority = read_root(root, now)
    made = issue_intermediate(authority, cluster, now=now, days=days)
    layout.write_files(to, layout.format_cacerts(made))
    expires = made.validity.expires
    shortened = ", as the root" if expires < now + days * DAY_SECONDS else ""
    click.echo(
        f"wrote {', '.join(layout.CACERTS)} to {to}, valid until {format_time(expires)}"
        f"{shortened}; next, in cluster {cluster}, before istiod starts (else restart it then):\n"
    )
    click.echo(f"  {format_command(to, layout.CACERTS)}")


def format_command(directory: Path, names: tuple[str, ...]) -> str:
    """Return the command that makes the Secret of a directory, ready to be pasted."""
    files = " ".join(f"--from-file={shlex.quote(str(directory / name))}" for name in names)
    return f"kubectl create secret generic {SECRET} -n {NAMESPACE} {files}"


def _check_id(cluster: str) -> None:
    """Refuse what can be no cluster's id.

    Raises:
        InvalidValue: it is none.
    """
    try:
        TEXTS[ClusterId].parse(cluster)
    except InvalidValue as error:
        raise InvalidValue(f"--cluster: {error}", hint=error.hint) from None


certs.add_command(check)
