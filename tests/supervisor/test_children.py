"""What is forked: how it ends, what it hears, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from globaldns.supervisor.children import SIGNALS, describe_end, has_ended
from tests.supervisor.hosts import CEILING_SECONDS, ROOT, is_running, wait_until


def start(script: str) -> subprocess.Popen[str]:
    """Run a script in a process of its own: what forks is nobody's test."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(script: str) -> tuple[str, str]:
    """Return what a script writes."""
    with start(script) as process:
        return process.communicate(timeout=CEILING_SECONDS)


END = """
import logging, os, sys
from globaldns.supervisor.children import fork
logging.basicConfig(format="%(message)s")
def run():
    print("ran")
    {body}
print("once")
print(os.waitstatus_to_exitcode(os.waitpid(fork("a-child", run), 0)[1]))
"""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return None", 0),
        ("return 0", 0),
        ("return 7", 7),
        ("raise ValueError('no good')", 1),
        ("sys.exit(5)", 1),
        ("os.kill(os.getpid(), 9)", -9),
    ],
)
def test_what_it_returns_is_the_exit_code_and_a_failure_is_one(body: str, code: int) -> None:
    out, _ = output(END.format(body=body))
    said = [line for line in out.splitlines() if line != "ran"]
    assert said == ["once", str(code)]


def test_what_it_printed_is_printed_once() -> None:
    out, _ = output(END.format(body="return 0"))
    assert out.splitlines() == ["once", "ran", "0"]


def test_it_has_a_name_of_its_own() -> None:
    body = "print(open('/proc/self/comm').read().strip())"
    out, _ = output(END.format(body=body))
    assert out.splitlines() == ["once", "ran", "a-child", "0"]


def test_a_failure_is_logged_with_where_it_was() -> None:
    _, log = output(END.format(body="raise ValueError('no good')"))
    assert log.startswith("a process failed\nTraceback")
    assert log.endswith("ValueError: no good\n")


HEAR = """
import os, signal
from globaldns.supervisor.children import SIGNALS, fork
reader, writer = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(writer)
for number in SIGNALS:
    signal.signal(number, lambda *_: print("the parent's", flush=True))
def run():
    print(signal.set_wakeup_fd(-1) == -1)
    print([signal.getsignal(number).name for number in SIGNALS])
    print(os.getpgid(0) == os.getpid())
os.waitpid(fork("a-child", run), 0)
"""


def test_it_hears_none_of_the_signals_that_its_parent_hears() -> None:
    out, log = output(HEAR)
    lines = [line for line in out.splitlines() if line != "the parent's"]  # SIGCHLD is its own
    kept = [f"SIG_{'IGN' if one is signal.SIGHUP else 'DFL'}" for one in SIGNALS]
    assert lines == ["True", str(kept), "True"], log


TELL_AT_ONCE = """
import os, signal, time
from globaldns.supervisor.children import SIGNALS, fork
for number in SIGNALS:
    signal.signal(number, lambda *_: None)
reader, writer = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
for _ in range(10):
    pid = fork("a-child", lambda: time.sleep(1))
    os.kill(pid, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
print(os.read(reader, 99).count(signal.SIGTERM))
"""


def test_a_signal_that_comes_at_once_is_its_own_and_is_not_lost() -> None:
    """It neither goes to a handler that the parent had, nor into the parent's pipe."""
    out, log = output(TELL_AT_ONCE)
    assert out.splitlines() == [*["-15"] * 10, "0"], log


STAY = """
import signal, sys
from globaldns.supervisor.children import fork
print(fork("a-child", signal.pause), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, None], ids=["KILL", "TERM", "by itself"]
)
def test_it_dies_with_its_parent_however_that_ends(number: signal.Signals | None) -> None:
    with start(STAY) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        if number is None:
            parent.stdin.close()
        else:
            parent.send_signal(number)
        assert parent.wait(CEILING_SECONDS) == -(number or 0)
        wait_until(lambda: not is_running(child), "the child has ended too")


def test_a_signal_for_the_parents_group_is_not_for_it() -> None:
    """As a Ctrl-C is, which a terminal sends to a whole group."""
    with start(f"import os\nos.setpgid(0, 0)\n{STAY}") as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until(lambda: os.getpgid(child) == child, "it has a group of its own")
        assert os.getpgid(parent.pid) == parent.pid
        parent.kill()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *[(code, f"exit code {code}") for code in (0, 1, 137)],
        *[(-int(number), number.name) for number in (signal.SIGKILL, signal.SIGSEGV)],
    ],
)
def test_how_it_ended_is_said_in_words(code: int, text: str) -> None:
    assert describe_end(code) == text


def test_a_signal_without_a_name_is_said_too() -> None:
    """Of those of real time only the first and the last have one."""
    assert str(signal.SIGRTMIN + 1) in describe_end(-(signal.SIGRTMIN + 1))


def test_who_has_ended_is_known_also_when_another_has_asked() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not has_ended(process.pid)
    process.communicate()
    assert has_ended(process.pid)
    assert has_ended(process.pid)
