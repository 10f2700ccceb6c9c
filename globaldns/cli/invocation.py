"""What a command line says beside its own arguments: configuration, server, output, debug.

The options may stand before the command, as kubectl's may, or after it, where they win.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from globaldns.cli.output import OutputFormat
from globaldns.errors import GlobalDnsError

if TYPE_CHECKING:
    from globaldns.config.schema import Config

CONFIG_VARIABLE = "GLOBALDNS_CONFIG"
DEFAULT_CONFIGS = (Path("config/globaldns.yaml"), Path("/etc/globaldns/globaldns.yaml"))

AUTO = "auto"
NONE = "none"

AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])


@dataclass
class Invocation:
    """The options that commands share; click fills it while it parses."""

    config: Path | None = None
    output: OutputFormat = OutputFormat.TABLE
    server: str = AUTO
    debug: bool = False

    def config_path(self) -> Path:
        """Return the configuration file that is meant.

        Raises:
            GlobalDnsError: none is named and none of the defaults exists.
        """
        if self.config is not None:
            return self.config
        if named := os.environ.get(CONFIG_VARIABLE):
            return Path(named)
        for path in DEFAULT_CONFIGS:
            if path.exists():
                return path
        raise GlobalDnsError(
            f"no configuration: neither {DEFAULT_CONFIGS[0]} nor {DEFAULT_CONFIGS[1]} exists",
            hint=f"name one with --config or {CONFIG_VARIABLE}, or write one: globaldns init DIR",
        )

    def load_config(self) -> Config:
        """Return the configuration.

        Raises:
            ConfigError: it has problems.
        """
        # Here, because a command that reads no configuration need not pay for its reader.
        from globaldns.config.loading import load  # noqa: PLC0415

        return load(self.config_path(), os.environ)


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that keeps an option's value, if it was given."""

    def keep(context: click.Context, _: click.Parameter, value: object) -> None:
        if value is not None:
            setattr(context.ensure_object(Invocation), name, value)

    return keep


def _keep_output(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Invocation).output = OutputFormat(value)


def _keep_server(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    if value not in {AUTO, NONE} and not value.startswith(("http://", "https://")):
        reason = f"{value!r} is none of http://HOST:PORT, auto, none"
        raise click.BadParameter(reason, context, parameter)
    context.ensure_object(Invocation).server = value


_config = click.option(
    "--config",
    metavar="PATH",
    type=click.Path(path_type=Path),
    expose_value=False,
    callback=_keep("config"),
    help=f"Configuration [${CONFIG_VARIABLE}; {', then '.join(map(str, DEFAULT_CONFIGS))}].",
)
_output = click.option(
    "-o",
    "--output",
    type=click.Choice([name.value for name in OutputFormat]),
    expose_value=False,
    callback=_keep_output,
    help="How results are printed [table].",
)
_server = click.option(
    "--server",
    metavar="URL|auto|none",
    expose_value=False,
    callback=_keep_server,
    help="Ask this server, the configured one if it runs [auto], or read the files (none).",
)
_debug = click.option(
    "--debug",
    is_flag=True,
    default=None,
    expose_value=False,
    callback=_keep("debug"),
    help="Show a traceback with every error.",
)


def debug_option(command: AnyCommand) -> AnyCommand:
    """Give a command ``--debug``."""
    return _debug(command)


def config_options(command: AnyCommand) -> AnyCommand:
    """Give a command ``--config`` and ``--debug``."""
    return _config(_debug(command))


def output_options(command: AnyCommand) -> AnyCommand:
    """Give a command ``-o`` and ``--debug``."""
    return _output(_debug(command))


def local_options(command: AnyCommand) -> AnyCommand:
    """Give a command what it takes to print what files say."""
    return _config(_output(_debug(command)))


def reading_options(command: AnyCommand) -> AnyCommand:
    """Give a command what it takes to print what a server or the files say."""
    return _config(_server(_output(_debug(command))))
