"""``globaldns vm``: names and VIPs on a machine without Kubernetes, by systemd."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from globaldns.cli.findings import count, print_findings
from globaldns.cli.invocation import Invocation, config_options, debug_option
from globaldns.cli.output import Tone, paint, say
from globaldns.cli.program import ExitCode
from globaldns.errors import RequestRefused
from globaldns.model.finding import Finding, Severity

if TYPE_CHECKING:
    from globaldns.config.schema import Config
    from globaldns.vm.machine import Programs
    from globaldns.vm.plan import Change, Command, Plan

HERE = Path("/")
_TONES = {"+": Tone.GOOD, "-": Tone.BAD}
_PROGRAM = click.Path(dir_okay=False, path_type=Path)

_root = click.option(
    "--to",
    "root",
    metavar="ROOT",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The file system of a machine that does not run: nothing is started or stopped.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Show all that would be done, and do none.")


@click.group()
def vm() -> None:
    """Have names and VIPs on a machine without Kubernetes."""


@vm.command()
@_root
@_dry_run
@click.option("--no-start", is_flag=True, help="Write files; print the commands that start.")
@click.option("--globaldns", type=_PROGRAM, help="What is started [beside this Python].")
@click.option("--envoy", type=_PROGRAM, help="What is started [beside this Python, or on PATH].")
@config_options
@click.pass_obj
@click.pass_context
def install(
    context: click.Context,
    invocation: Invocation,
    *,
    root: Path | None,
    dry_run: bool,
    no_start: bool,
    globaldns: Path | None,
    envoy: Path | None,
) -> None:
    """Write units and the resolver's drop-in, and start them.

    Of a machine that does not run, programs are in /opt/globaldns/bin, and PATH of --config is
    below ROOT. No file is replaced that does not begin with our mark.
    """
    # Here, because help does not pay for what reads a configuration.
    from globaldns.vm.checking import look_at  # noqa: PLC0415
    from globaldns.vm.files import PATHS, machine_files  # noqa: PLC0415
    from globaldns.vm.installing import read_standing  # noqa: PLC0415
    from globaldns.vm.machine import machine_of  # noqa: PLC0415
    from globaldns.vm.plan import offline_commands, plan_installation  # noqa: PLC0415

    place = (root or HERE).absolute()
    config, file = load(invocation)
    programs = find_programs(globaldns, envoy, is_live=root is None)
    machine = machine_of(config, programs=programs, file=file, root=place)
    found = list(look_at(config, machine, place, is_live=root is None))
    plan = plan_installation(machine_files(machine), read_standing(place, PATHS))
    found += [foreign(path) for path in plan.foreign]
    errors = sum(one.severity is Severity.ERROR for one in found)
    print_findings(found, to_stderr=True)
    then = plan.then if root is None else offline_commands(place, "enable")
    if dry_run:
        show(plan.changes, then=then)
        context.exit(ExitCode.FOUND if errors else ExitCode.FINE)
    if errors:
        raise RequestRefused(
            f"{count(errors, 'error')}: nothing is written", hint="mend what is above, and repeat"
        )
    runs = root is None and not no_start
    carry_out(plan, place, runs=runs)
    if not runs:
        tell(then)


@vm.command()
@_root
@_dry_run
@debug_option
def remove(*, root: Path | None, dry_run: bool) -> None:
    """Stop what vm install has started, and remove what it has written.

    Files that do not begin with our mark stay; so do configuration, state and users.
    """
    # Here, for the same reason.
    from globaldns.vm.files import PATHS  # noqa: PLC0415
    from globaldns.vm.installing import read_standing  # noqa: PLC0415
    from globaldns.vm.plan import offline_commands, plan_removal  # noqa: PLC0415

    place = (root or HERE).absolute()
    plan = plan_removal(read_standing(place, PATHS))
    for path in plan.foreign:
        say(f"{path} is not ours, and stays")
    if dry_run:
        show(plan.changes, *((plan.first, plan.then) if root is None else ()))
        return
    carry_out(plan, place, runs=root is None)
    if root is not None and plan.changes:
        tell(offline_commands(place, "disable"))


def load(invocation: Invocation) -> tuple[Config, Path]:
    """Return the configuration as serve reads it under systemd, and where it is.

    Raises:
        ConfigError: it has problems.
    """
    from globaldns.config.loading import load as read  # noqa: PLC0415  # as above
    from globaldns.vm.machine import STATE  # noqa: PLC0415  # as above

    file = invocation.config_path().absolute()
    return read(file, {**os.environ, "STATE_DIRECTORY": str(STATE)}), file


def find_programs(globaldns: Path | None, envoy: Path | None, *, is_live: bool) -> Programs:
    """Return what is started: what was named, or what is here, or where an image has it."""
    from globaldns.vm.machine import PREFIX, Programs  # noqa: PLC0415  # as above

    folder = Path(sys.executable).parent if is_live else PREFIX
    beside = folder / "envoy"
    if is_live and not beside.exists() and (found := shutil.which("envoy")):
        beside = Path(found)
    return Programs((globaldns or folder / "globaldns").absolute(), (envoy or beside).absolute())


def foreign(path: str) -> Finding:
    """Return what is wrong with a file in the way."""
    return Finding(
        Severity.ERROR,
        "foreign-file",
        "it is not ours: it does not begin with our mark",
        file=path,
        hint="move it away, or remove it",
    )


def show(
    changes: Iterable[Change], first: Iterable[Command] = (), then: Iterable[Command] = ()
) -> None:
    """Print every change of a file as a diff, and every command in its turn."""
    from globaldns.vm.plan import unified  # noqa: PLC0415  # as above

    for command in first:
        click.echo(f"$ {shlex.join(command)}")
    for change in changes:
        for line in unified(change):
            tone = _TONES.get(line[:1])
            click.echo(paint(line, tone, stream=sys.stdout) if tone else line)
    for command in then:
        click.echo(f"$ {shlex.join(command)}")


def carry_out(plan: Plan, root: Path, *, runs: bool) -> None:
    """Print what is planned, then do it; without commands unless it runs them."""
    from globaldns.vm.installing import change_files, run_command  # noqa: PLC0415  # as above

    first, then = (plan.first, plan.then) if runs else ((), ())
    show(plan.changes, first, then)
    for command in first:
        run_command(command)
    change_files(root, plan.changes)
    for command in then:
        run_command(command)
    written = sum(bool(change.after) for change in plan.changes)
    removed = len(plan.changes) - written
    say(f"{count(written, 'file')} written, {removed} removed")


def tell(commands: Iterable[Command]) -> None:
    """Say what a person has to run."""
    say("to be run now:")
    for command in commands:
        click.echo(f"  {shlex.join(command)}")
