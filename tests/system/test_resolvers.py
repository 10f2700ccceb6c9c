"""What people and resolvers ask with: dig, kdig, drill, and unbound with stub zones."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.running import Server, free_port, wait_until

PINNED = "240.128.1.2"
IN_POOL6 = r"fd67:6c6f:6261:6c00:[0-9a-f:]+"
IN_POOL = r"240\.(12[89]|1[3-8]\d|19[01])\.\d+\.\d+"


class Question(NamedTuple):
    name: str
    kind: str
    rcode: str
    answer: str
    """What every record of the answer is, as a regular expression; empty for no answer."""


QUESTIONS = {
    "A": Question("reviews.bookinfo.global", "A", "NOERROR", IN_POOL),
    "pinned A": Question("productpage.bookinfo.global", "A", "NOERROR", re.escape(PINNED)),
    "wildcard A": Question("any.tenants.global", "A", "NOERROR", IN_POOL),
    "AAAA": Question("reviews.bookinfo.global", "AAAA", "NOERROR", IN_POOL6),
    "SRV": Question(
        *("_http._tcp.reviews.bookinfo.global", "SRV", "NOERROR"),
        r"\d+ \d+ 9080 reviews\.bookinfo\.global\.",
    ),
    "PTR": Question(
        "2.1.128.240.in-addr.arpa", "PTR", "NOERROR", r"productpage\.bookinfo\.global\."
    ),
    "TXT": Question("_explain.reviews.bookinfo.global", "TXT", "NOERROR", r".*\beast\b.*"),
    "NXDOMAIN": Question("nothing.bookinfo.global", "A", "NXDOMAIN", ""),
    "NODATA": Question("reviews.bookinfo.global", "MX", "NOERROR", ""),
    "empty non-terminal": Question("bookinfo.global", "A", "NOERROR", ""),
}


def dig(program: str, port: int, question: Question, *, tcp: bool) -> list[str]:
    proto = ["+tcp"] if tcp else ["+notcp"]
    return [program, "@127.0.0.1", "-p", str(port), *proto, question.name, question.kind]


def drill(program: str, port: int, question: Question, *, tcp: bool) -> list[str]:
    proto = "-t" if tcp else "-u"
    return [program, proto, "-p", str(port), "@127.0.0.1", question.name, question.kind]


CLIENTS: dict[str, Callable[..., list[str]]] = {"dig": dig, "kdig": dig, "drill": drill}


def read_answer(output: str) -> tuple[str, list[str]]:
    """Return response code and rdata of what any of the three clients printed."""
    rcode = re.search(r"(?:status|rcode): (\w+)", output)
    _, _, section = output.partition(";; ANSWER SECTION:\n")
    records = re.split(r"\n\s*\n|\n;;", section)[0].splitlines()
    rdata = [record.split(None, 4)[4].strip() for record in records if record.strip()]
    return rcode[1] if rcode else "silent", rdata


def check(output: str, question: Question) -> None:
    rcode, rdata = read_answer(output)
    assert rcode == question.rcode, output
    assert bool(rdata) == bool(question.answer), output
    assert [record for record in rdata if not re.fullmatch(question.answer, record)] == []


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_the_answer(
    client: str, proto: str, question: Question, shared_server: Server, need: Callable[[str], str]
) -> None:
    command = CLIENTS[client](
        need(client), shared_server.mesh.dns_port, question, tcp=proto == "tcp"
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    check(done.stdout, question)


UNBOUND = """
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1@{port}
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
  do-ip6: no
  tcp-upstream: {tcp}
stub-zone:
  name: "global"
  stub-addr: 127.0.0.1@{upstream}
stub-zone:
  name: "240.in-addr.arpa"
  stub-addr: 127.0.0.1@{upstream}
remote-control:
  control-enable: no
"""


@pytest.fixture(scope="module", params=["no", "yes"], ids=["udp", "tcp"])
def unbound(
    request: pytest.FixtureRequest, shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of an unbound that asks us about our zones, over UDP or TCP."""
    folder: Path = tmp_path_factory.mktemp("unbound")
    port = free_port()
    (folder / "unbound.conf").write_text(
        UNBOUND.format(
            folder=folder, port=port, tcp=request.param, upstream=shared_server.mesh.dns_port
        )
    )
    try:
        process = subprocess.Popen(
            ["/usr/sbin/unbound", "-d", "-c", str(folder / "unbound.conf")],
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        pytest.skip("unbound is not installed")
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_unbound_resolves_through_a_stub_zone(
    question: Question, unbound: int, need: Callable[[str], str]
) -> None:
    command = [*dig(need("dig"), unbound, question, tcp=False), "+tries=1", "+time=10"]
    printed: list[str] = []

    def answers() -> bool:
        printed.append(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
        return "status:" in printed[-1]

    wait_until(answers, "unbound answers")
    check(printed[-1], question)
