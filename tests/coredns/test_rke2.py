"""Our server in the values of RKE2's chart."""

from __future__ import annotations

import pytest
import yaml

from globaldns.coredns.rke2 import install, remove
from globaldns.errors import StubError
from tests.coredns.collection import COREFILES, STUB, stub

BASE = COREFILES["rke2"]
SERVERS = """\
# ours is the office's
nodelocal:
  enabled: true   # since 1.28
servers:
  # the office
  - zones:
      - zone: corp.example
    port: 53
    plugins:
      - {name: forward, parameters: . 10.1.0.53}
  - zones: [{zone: .}]
    port: 53
resources:
  limits: {memory: 256Mi}
"""
FLUSH = "servers:\n- zones:\n  - zone: .\n  port: 53\n"
OURS = {
    "zones": [{"zone": "global."}],
    "port": 53,
    "plugins": [
        {"name": "errors"},
        {"name": "cache", "parameters": "30"},
        {"name": "forward", "parameters": ". 10.96.0.99"},
    ],
}
TEXTS = {
    "nothing": "",
    "other values": "nodelocal:\n  enabled: true",
    "servers": SERVERS,
    "servers, flush": FLUSH,
    "CRLF": SERVERS.replace("\n", "\r\n"),
    "a marker of documents": f"---\n{FLUSH}",
    "a comment": "# none yet\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_laws(text: str) -> None:
    installed = install(text, BASE, STUB)
    assert remove(installed) == text
    assert install(installed, BASE, STUB) == installed
    other = stub("mesh.example", server="10.96.0.7")
    assert install(installed, BASE, other) == install(text, BASE, other)
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(installed)
    servers = after.pop("servers")
    assert OURS in servers
    kept = [server for server in servers if server != OURS]
    assert kept == before.pop("servers", kept)
    assert after == before


def test_our_server_stands_before_the_first_of_a_list() -> None:
    installed = install(SERVERS, BASE, STUB).splitlines()
    begin = installed.index("  # BEGIN globaldns")
    assert installed[begin - 2 : begin + 3] == [
        "servers:",
        "  # the office",
        "  # BEGIN globaldns",
        "  - zones:",
        '    - zone: "global."',
    ]


def test_without_a_list_it_has_what_the_corefile_has_now() -> None:
    root, ours = yaml.safe_load(install("", BASE, STUB))["servers"]
    assert ours == OURS
    assert root["zones"] == [{"zone": "."}]
    assert root["plugins"][1:4] == [
        {"name": "health", "configBlock": "lameduck 10s"},
        {"name": "ready"},
        {
            "name": "kubernetes",
            "parameters": "cluster.local cluster.local in-addr.arpa ip6.arpa",
            "configBlock": "pods insecure\nfallthrough in-addr.arpa ip6.arpa\nttl 30",
        },
    ]


def test_other_transports_and_options_are_values_too() -> None:
    base = "tls://.:853 {\n tls a b\n}\n.:53 {\n}\n"
    secure, _, ours = yaml.safe_load(install("", base, stub(force_tcp=True)))["servers"]
    assert secure["zones"] == [{"zone": ".", "scheme": "tls://"}]
    assert ours["plugins"][-1]["configBlock"] == "force_tcp"


def test_once_the_chart_has_our_block_it_is_not_copied() -> None:
    running = f"{BASE}global.:53 {{\n    errors\n    cache 30\n    forward . 10.96.0.99\n}}\n"
    assert install("", running, STUB) == install("", BASE, STUB)


def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed() -> None:
    ours = "".join(
        line for line in install(FLUSH, BASE, STUB).splitlines(keepends=True) if line[0] != "#"
    )
    assert install(ours, BASE, STUB) == ours
    assert remove(ours) == ours
    with pytest.raises(StubError) as refused:
        install(ours, BASE, stub(server="10.96.0.7"))
    assert refused.value.code == "user-owned"


@pytest.mark.parametrize(
    ("values", "base", "code"),
    [
        ("servers: []\n", BASE, "syntax"),
        ("servers: [{port: 53}]\n", BASE, "syntax"),
        ("servers:\n", BASE, "syntax"),
        ("{nodelocal: {enabled: true}}\n", BASE, "syntax"),
        ("a: [\n", BASE, "syntax"),
        ("a: 1\n---\nb: 2\n", BASE, "syntax"),
        ("servers:\n- zones:\n  - zone: global\n  port: 53\n", BASE, "user-owned"),
        ("# BEGIN globaldns\n", BASE, "marks"),
        ("", "", "imports"),
        ("", f"{BASE}import x/*.server\n", "imports"),
        ("", ".:53 .:54 {\n}\n", "build"),
        ("", "a:53 {\n}\n", "root"),
    ],
)
def test_what_is_not_understood_is_refused(values: str, base: str, code: str) -> None:
    with pytest.raises(StubError) as refused:
        install(values, base, STUB)
    assert refused.value.code == code
    assert refused.value.hint
