"""The first lines of a server, and why there are none."""

import subprocess
import sys

import pytest

from globaldns.admin.listening import Listening
from globaldns.cli.serve import announce, dig_line


def listening(*dns, tls=()):
    return Listening(dns=dns, admin="127.0.0.1:8053", name="reviews.bookinfo.global", tls=tls)


def test_the_first_line_to_try_asks_the_first_address():
    line = dig_line(listening("127.0.0.1:1053", "[::1]:1053"))
    assert line == "dig @127.0.0.1 -p 1053 reviews.bookinfo.global"


def test_an_ipv6_address_has_no_brackets_for_dig():
    assert dig_line(listening("[::1]:53")).startswith("dig @::1 -p 53 ")


def test_a_wildcard_is_tried_over_the_loopback_address():
    assert dig_line(listening("0.0.0.0:53")).startswith("dig @127.0.0.1 -p 53 ")
    assert dig_line(listening("[::]:53")).startswith("dig @::1 -p 53 ")


def test_it_says_where_it_listens(capsys):
    announce(listening("127.0.0.1:1053", "[::1]:1053"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "answering DNS on 127.0.0.1:1053, [::1]:1053 (UDP and TCP)"
    assert lines[1].endswith("http://127.0.0.1:8053")
    announce(listening("127.0.0.1:53", tls=("127.0.0.1:853", "[::1]:853")))
    line, *_ = capsys.readouterr().out.splitlines()
    assert line == "answering DNS on 127.0.0.1:53 (UDP and TCP), 127.0.0.1:853, [::1]:853 (TLS)"


def test_a_bad_configuration_is_told_completely_on_stderr(command, mesh):
    mesh.configure(grace="soon", zonez=[])
    printed = command("serve")
    assert (printed.exit_code, printed.stdout) == (1, "")
    lines = printed.stderr.splitlines()
    assert len(lines) == 2
    assert all(": error: $." in line for line in lines)


def test_a_certificate_that_cannot_be_used_keeps_it_from_starting(command, mesh):
    mesh.configure(dns={"tls": {"certificate": "tls.crt", "key": "tls.key"}})
    printed = command("serve")
    assert (printed.exit_code, printed.stdout) == (1, "")
    assert [
        line.partition(": $.dns.tls.")[2].split(":")[0] for line in printed.stderr.splitlines()
    ] == [
        "certificate",
        "key",
    ]


BEGINNING = """
import runpy, signal, sys, types
sys.argv = ["globaldns", *sys.argv[1:]]
cli = types.ModuleType("globaldns.cli")
cli.main = lambda: print(signal.getsignal(signal.SIGHUP).name, "click" in sys.modules)
sys.modules["globaldns.cli"] = cli
runpy.run_module("globaldns", run_name="__main__")
"""


@pytest.mark.parametrize(("word", "expected"), [("serve", "SIG_IGN"), ("list", "SIG_DFL")])
def test_a_server_does_not_die_of_a_hup_before_it_knows_what_that_is_for(word, expected):
    command = [sys.executable, "-c", BEGINNING, "--debug", word]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [expected, "False"]
