"""CoreDNS itself reads what we read, refuses what we refuse, and answers what we install."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dns.rcode
import msgspec
import pytest

from globaldns.coredns import custom
from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import Options, install
from globaldns.coredns.marks import append
from globaldns.coredns.rendering import render_blocks
from globaldns.coredns.stub import Foreign, Stub, StubZone
from globaldns.coredns.stub import Server as Target
from globaldns.coredns.surroundings import surroundings_of
from globaldns.errors import StubError
from tests.coredns.collection import COREFILES, IMPORTING
from tests.system.corednses import BUILD, CoreDNS, localize
from tests.system.running import Server

NAME = "reviews.bookinfo.global"
ODD = {
    "several keys": "a b, c {\n whoami\n}",
    "a comma goes on to the next line": "a,\nb {\n whoami\n}",
    "a brace on the next line": "a\n{\n whoami\n}",
    "no braces": ".\nwhoami\nerrors",
    "a key alone": "a",
    "braces that are no braces": "a {}",
    "two blocks on a line": "a {\n whoami\n} b {\n whoami\n}",
    "a last brace that a nested one stands for": "a {\n cache {\n success 5\n }\n",
    "a brace that ends a block without one": "a\nwhoami\n}\nb {\n whoami\n}",
    "a block without keys": "{\n errors\n}\na {\n whoami\n}",
    "a snippet": "(x) {\n whoami\n}\na {\n import x\n}",
    "a snippet of blocks": "(x) {\n a {\n whoami\n }\n}\nimport x\n",
    "files that do not exist": "import x/*.server\n. {\n import x/*.override\n whoami\n}",
    "an open quote of nothing": '. {\n whoami\n}\n"',
    "an open quote": '. {\n whoami\n}\na "b {',
    "a word with a blank": 'a "b c" {\n whoami\n}',
    "CRLF": ". {\r\n whoami\r\n}\r\n",
    "a mark of byte order": "\ufeff. {\n whoami\n}",
    "a comment behind a word": "a#b c {\n whoami\n}",
    "reverse zones": "10.0.0.0/15 {\n whoami\n}",
    "reverse zones of IPv6": "fd00::/7 {\n whoami\n}",
    "bits beyond the prefix": "10.1.2.3/8 {\n whoami\n}",
    "a netmask": "10.0.0.0/255.0.0.0 {\n whoami\n}",
    "every address": "0.0.0.0/0 {\n whoami\n}",
    "capitals": "GLOBAL. {\n whoami\n}",
    "a transport": "dns://a {\n whoami\n}",
    "a block that does not end": ". {\n errors\n",
    "a directive that does not end": ". {\n cache {\n success 5\n",
    "a block on one line": ". { errors }",
    "a comma before a brace": "a, {\n}",
    "a comma at the end": "a,",
    "a snippet twice": "(x) {\n}\n(x) {\n}",
    "a snippet without a brace": "(x)\nerrors",
    "an import of nothing": "import\n",
    "an import of two things": "import a b\n",
    "a snippet that imports itself": "(x) {\n import x\n}\n. {\n import x\n}",
    "an empty label": "a..b {\n}",
    "a long label": f"{'x' * 64} {{\n}}",
    "a colon at the end": "a: {\n}",
    "a port alone": ":53 {\n}",
    "a transport alone": "dns:// {\n}",
    "a comma alone": ",",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_coredns_reads_what_we_read(text: str, tmp_path: Path, need: Callable[[str], str]) -> None:
    try:
        blocks = parse_corefile(text).blocks
    except StubError:
        blocks = None
    with CoreDNS(need("coredns"), tmp_path, text) as server:
        assert server.has_started == (blocks is not None), server.log
        if blocks:
            zones = [(key.zone, server.port) for block in blocks for key in block.zones]
            assert server.zones == sorted(zones)


TWICE = {
    "the same": "global:{port} {\n whoami\n}\n",
    "with a dot": "global.:{port} {\n whoami\n}\n",
    "in capitals": "GLOBAL {\n whoami\n}\n",
    "beside another": "a global {\n whoami\n}\n",
    "with its transport": "dns://global {\n whoami\n}\n",
}


@pytest.mark.parametrize("block", TWICE.values(), ids=TWICE)
def test_coredns_refuses_what_we_call_defined_twice(
    block: str, tmp_path: Path, need: Callable[[str], str]
) -> None:
    base = f". {{\n whoami\n}}\n{block}".replace(":{port}", "")
    told = stub(53)
    with pytest.raises(StubError) as refused:
        install(base, told)
    assert refused.value.code == "user-owned"
    lines = render_blocks(told, surroundings_of(parse_corefile(base)), BUILD)
    with CoreDNS(need("coredns"), tmp_path, append(base, lines)) as server:
        assert not server.has_started
        assert "already defined" in server.log


def stub(port: int) -> Stub:
    """A stub for a server of this machine."""
    return Stub(zones=(StubZone("global"),), servers=(Target("127.0.0.1", port),))


def check_answers(server: CoreDNS) -> None:
    assert server.has_started, server.log
    for tcp in (False, True):
        reply = server.ask(NAME, tcp=tcp)
        assert reply is not None, server.log
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.answer[0].to_text().startswith(f"{NAME}. ")


@pytest.mark.parametrize("name", COREFILES)
def test_every_corefile_answers_our_names_once_installed(
    name: str, tmp_path: Path, shared_server: Server, need: Callable[[str], str]
) -> None:
    told = stub(shared_server.mesh.dns_port)
    installed = install(COREFILES[name], told, Options(build=BUILD))
    text = localize(installed, tmp_path)
    with CoreDNS(need("coredns"), tmp_path, text) as server:
        check_answers(server)


FORWARDING = [
    name for name, text in COREFILES.items() if surroundings_of(parse_corefile(text)).forwards
]


@pytest.mark.parametrize("name", FORWARDING)
def test_every_corefile_that_forwards_takes_a_block_for_each_policy(
    name: str, tmp_path: Path, shared_server: Server, need: Callable[[str], str]
) -> None:
    zones = (*stub(53).zones, StubZone("mesh.example", Foreign.FALLTHROUGH))
    told = msgspec.structs.replace(stub(shared_server.mesh.dns_port), zones=zones)
    installed = install(COREFILES[name], told, Options(build=BUILD))
    with CoreDNS(need("coredns"), tmp_path, localize(installed, tmp_path)) as server:
        check_answers(server)
        assert server.rcode("any.mesh.example") == "REFUSED"  # by us, who do not serve it


@pytest.mark.parametrize("name", IMPORTING)
def test_every_corefile_that_imports_answers_our_names_once_our_key_is_mounted(
    name: str, tmp_path: Path, shared_server: Server, need: Callable[[str], str]
) -> None:
    told = stub(shared_server.mesh.dns_port)
    base = IMPORTING[name]
    with CoreDNS(need("coredns"), tmp_path, localize(base, tmp_path)) as before:
        assert before.rcode(NAME) != "NOERROR"
    server = CoreDNS(need("coredns"), tmp_path, localize(base, tmp_path))
    for key, text in custom.install({}, base, told, BUILD).items():
        (tmp_path / key).write_text(localize(text, tmp_path).replace("{port}", str(server.port)))
    with server:
        check_answers(server)
