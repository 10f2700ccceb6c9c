"""``globaldns version``, ``schema`` and ``completion``: what is true without any configuration."""

from __future__ import annotations

import platform

import click
import msgspec
from click.shell_completion import get_completion_class

from globaldns import __version__
from globaldns.cli.invocation import Invocation, debug_option, output_options
from globaldns.cli.output import OutputFormat, print_structured
from globaldns.errors import GlobalDnsError

COMPLETION_VARIABLE = "_GLOBALDNS_COMPLETE"
"""Where click looks for a shell's question, by its rule for a program of this name."""


@click.command()
@output_options
@click.pass_obj
def version(invocation: Invocation) -> None:
    """Print the version."""
    if invocation.output is OutputFormat.TABLE:
        click.echo(f"globaldns {__version__}")
        return
    print_structured(
        {
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
        invocation.output,
    )


@click.command()
@debug_option
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    # Here, because only this command builds the schema.
    from globaldns.config import schema_document  # noqa: PLC0415

    click.echo(msgspec.json.format(msgspec.json.encode(schema_document()), indent=2))


_COMPLETION_HELP = """\
Print the completion script for a shell.

\b
bash: source <(globaldns completion bash)
zsh:  source <(globaldns completion zsh)
fish: globaldns completion fish | source
"""
"""What --help prints; the lines after the mark are not filled into a paragraph."""


@click.command(help=_COMPLETION_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug_option
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    complete = get_completion_class(shell)
    if complete is None:
        raise GlobalDnsError(f"no completion for {shell}")
    program = context.find_root()
    click.echo(complete(program.command, {}, "globaldns", COMPLETION_VARIABLE).source())
