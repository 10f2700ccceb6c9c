"""What people and resolvers ask with: dig, kdig, drill; unbound and dnsmasq as they are told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from globaldns.coredns.resolvers import dnsmasq_conf, unbound_conf
from globaldns.coredns.stub import Server as Target
from globaldns.coredns.stub import Stub, StubZone
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
  module-config: "validator iterator"
  trust-anchor-file: "{folder}/root.key"
  do-ip6: no
remote-control:
  control-enable: no
include: "{folder}/globaldns.conf"
"""
ROOT_KEY = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
"""Of the public root, which says with a signature what is below ``global``."""
DNSMASQ = """
listen-address=127.0.0.1
port={port}
bind-interfaces
no-resolv
no-hosts
user=root
pid-file
conf-dir={folder}/conf.d
"""


def start_unbound(program: str, folder: Path, port: int, stub: Stub) -> list[str]:
    (folder / "root.key").write_text(ROOT_KEY)
    (folder / "globaldns.conf").write_text(unbound_conf(stub))
    (folder / "unbound.conf").write_text(UNBOUND.format(folder=folder, port=port))
    return [program, "-d", "-c", str(folder / "unbound.conf")]


def start_dnsmasq(program: str, folder: Path, port: int, stub: Stub) -> list[str]:
    (folder / "conf.d").mkdir()
    (folder / "conf.d/globaldns.conf").write_text(dnsmasq_conf(stub))
    (folder / "dnsmasq.conf").write_text(DNSMASQ.format(folder=folder, port=port))
    return [program, "--keep-in-foreground", f"--conf-file={folder}/dnsmasq.conf"]


RESOLVERS: dict[str, tuple[Callable[..., list[str]], bool]] = {
    "unbound": (start_unbound, False),
    "unbound, tcp": (start_unbound, True),
    "dnsmasq": (start_dnsmasq, False),
}


@pytest.fixture(scope="module", params=RESOLVERS)
def resolver(
    request: pytest.FixtureRequest, shared_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of a resolver that asks us about our zones."""
    start, force_tcp = RESOLVERS[request.param]
    name = request.param.partition(",")[0]
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    stub = Stub(
        zones=(StubZone("global"),),
        servers=(Target("127.0.0.1", shared_server.mesh.dns_port),),
        reverse=("240.0.0.0/8",),
        force_tcp=force_tcp,
        cache_seconds=0 if force_tcp else 30,
    )
    command = start(program, tmp_path_factory.mktemp(name), port, stub)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_resolver_answers_by_what_it_was_told(
    question: Question, resolver: int, need: Callable[[str], str]
) -> None:
    command = [*dig(need("dig"), resolver, question, tcp=False), "+tries=1", "+time=10"]
    printed: list[str] = []

    def answers() -> bool:
        printed.append(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
        return "status:" in printed[-1]

    wait_until(answers, "the resolver answers")
    check(printed[-1], question)
