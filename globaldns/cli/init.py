"""``globaldns init``: the example, ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import click

from globaldns.cli.invocation import debug_option
from globaldns.errors import GlobalDnsError

CONFIG = "globaldns.yaml"
STATE = """
state: state                             # the ledger and all that is remembered: keep it
"""
"""Beside the mesh: by default all meshes whose own id is the same share one below the home."""
_PLACE = "\nclusters:\n"


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@debug_option
def init(directory: Path) -> None:
    """Write an example mesh of three clusters, ready to serve."""
    sources = dict(walk(files("globaldns") / "example", PurePosixPath()))
    refuse_to_overwrite(directory, sources)
    for name, source in sources.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_text()
        target.write_text(
            content.replace(_PLACE, STATE + _PLACE) if name.name == CONFIG else content
        )
    click.echo(f"wrote {len(sources)} files below {directory}; start it with:\n")
    click.echo(f"  globaldns serve --config {directory / CONFIG}")


def walk(folder: Traversable, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    """Yield every file below a folder with its path there, which begins with ``place``, sorted."""
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        if child.is_dir():
            yield from walk(child, place / child.name)
        else:
            yield place / child.name, child


def refuse_to_overwrite(directory: Path, names: dict[PurePosixPath, Traversable]) -> None:
    """Refuse before anything is written.

    Raises:
        GlobalDnsError: a file is there already.
    """
    taken = [name for name in names if (directory / name).exists()]
    if taken:
        more = f" and {len(taken) - 1} more files" if len(taken) > 1 else ""
        raise GlobalDnsError(
            f"{directory / taken[0]}{more} would be overwritten",
            hint="choose a directory that does not exist yet",
        )
