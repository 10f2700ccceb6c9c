"""How every command ends."""

import os
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from globaldns.cli import PLACES
from globaldns.cli.program import Program
from globaldns.errors import GlobalDnsError, RequestRefused


def failing(error):
    """A program whose one command fails."""

    @click.command()
    def fail():
        raise error

    class Failing(Program):
        def get_command(self, *_):
            return fail

    return Failing("globaldns", places={"fail": ""})


def run_failing(error):
    return CliRunner(env={"NO_COLOR": "1"}).invoke(failing(error), ["fail"])


@pytest.mark.parametrize(
    ("error", "stderr", "code"),
    [
        (RequestRefused("no", hint="do it"), "error: no\nhint: do it\n", 1),
        (GlobalDnsError("no"), "error: no\n", 1),
        (OSError(13, "Permission denied", "/x"), "error: /x: permission denied\n", 1),
        (OSError(28, "No space left on device"), "error: no space left on device\n", 1),
        (click.ClickException("Bad luck."), "error: bad luck\n", 1),
        (click.UsageError("Not so."), "error: not so\nhint: globaldns fail --help\n", 2),
        (
            KeyError("x"),
            "error: KeyError: 'x'; this is a bug in globaldns\nhint: --debug shows where\n",
            1,
        ),
        (KeyboardInterrupt(), "", 130),
        (click.Abort(), "", 130),
    ],
)
def test_every_exception_becomes_words_and_a_code(error, stderr, code):
    ended = run_failing(error)
    assert (ended.stdout, ended.stderr.lstrip("\n"), ended.exit_code) == ("", stderr, code)


def test_a_traceback_is_shown_only_with_debug(run):
    quiet = run("vip", "verify", "--config", "/nowhere")
    loud = run("vip", "verify", "--config", "/nowhere", "--debug")
    assert quiet.exit_code == loud.exit_code == 1
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
    assert loud.stderr.endswith(quiet.stderr)


def test_an_unknown_command_is_a_usage_error_with_a_hint(run):
    ended = run("doctor")
    assert ended.exit_code == 2
    assert ended.stderr == "error: no such command 'doctor'\nhint: globaldns --help\n"


def test_no_command_shows_the_help_and_is_a_usage_error(run):
    ended = run()
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("Usage: globaldns ")


def test_help_lists_every_command_in_the_order_of_a_first_day(run):
    listed = run("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(PLACES)
    assert all(len(line.split()) > 2 and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("name", PLACES)
def test_every_command_is_where_its_place_says(run, name):
    ended = run(name, "-h")
    assert ended.exit_code == 0
    assert ended.stdout.startswith(f"Usage: globaldns {name} ")


def test_help_of_the_program_imports_no_server():
    script = (
        "import sys; from globaldns.cli import PLACES, main\n"
        "[main.get_command(None, name) for name in PLACES]\n"
        "servers = ('aiohttp', 'sqlite3', 'inotify_simple', 'cryptography')\n"
        "print([m for m in servers if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", ["schema", "version"])
def test_a_reader_that_goes_away_is_no_error(command):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "globaldns", command],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 128 + signal.SIGPIPE
