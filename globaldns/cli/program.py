"""How every command ends: exit codes, ``error:`` and ``hint:`` lines, and what a signal leaves.

Exit codes: 0 fine, 1 failed, 2 usage, 3 a check found something; 128 plus the signal's number where
a shell would see one (Ctrl-C is 130, a reader that went away 141).
"""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from enum import IntEnum
from importlib import import_module
from typing import Any, Never

import click

from globaldns.cli.invocation import Invocation
from globaldns.cli.output import Tone, paint
from globaldns.errors import GlobalDnsError

_SETTINGS = {"prog_name": "globaldns", "standalone_mode": False}
"""One name, however it was started; and exceptions come to us."""


class ExitCode(IntEnum):
    """What the shell sees."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    FOUND = 3
    INTERRUPTED = 128 + signal.SIGINT
    BROKEN_PIPE = 128 + signal.SIGPIPE


class Program(click.Group):
    """The outermost group: the one place where an exception becomes words and an exit code.

    ``places`` says ``module:attribute`` of each command by its name; help lists them in that order.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return a command, importing its module; None: there is no such command."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a reader that went away ends it, and is told from a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # here, because click's own ``main`` calls it a failure
            ctx.exit(ExitCode.BROKEN_PIPE)

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Never:
        """Run one command line and exit with its code."""
        invocation = Invocation()
        # What a command has to say it prints; the log is for servers, which configure it.
        logging.getLogger("globaldns").addHandler(logging.NullHandler())
        try:
            code = super().main(args, obj=invocation, **{**extra, **_SETTINGS})
        except (click.Abort, KeyboardInterrupt):
            code = ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the CLI's top: nothing leaves but words
            code = report(error, debug=invocation.debug)
        sys.exit(code if isinstance(code, int) else ExitCode.FINE)


def report(error: Exception, *, debug: bool) -> ExitCode:
    """Print an exception for people, on stderr, and return the exit code it means."""
    if debug:
        traceback.print_exception(error)
    message, hint, code = _words(error)
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):
        message = f"{paint('error', Tone.BAD, stream=sys.stderr)}: {message}"
    click.echo(message, err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code


def _words(error: Exception) -> tuple[str, str, ExitCode]:
    """Return message, hint and exit code of an exception."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return error.format_message(), "", ExitCode.USAGE
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "globaldns"
            return _sentence(error.format_message()), f"{path} --help", ExitCode.USAGE
        case click.ClickException():
            return _sentence(error.format_message()), "", ExitCode.FAILED
        case GlobalDnsError():
            return str(error), error.hint, ExitCode.FAILED
        case OSError() if error.strerror:
            place = f"{error.filename}: " if error.filename else ""
            return f"{place}{error.strerror.lower()}", "", ExitCode.FAILED
    reason = f"{type(error).__name__}: {error}"
    return f"{reason}; this is a bug in globaldns", "--debug shows where", ExitCode.FAILED


def _sentence(text: str) -> str:
    """Return click's sentence as our errors are written: lower case, no full stop."""
    return text[:1].lower() + text[1:].removesuffix(".")
