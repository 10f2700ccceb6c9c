"""Our server in the values of RKE2's chart."""

from __future__ import annotations

import pytest
import yaml

from globaldns.coredns.rke2 import are_all_ours, install, remove
from globaldns.coredns.stub import Stub
from globaldns.errors import StubError
from tests.coredns.collection import ABLE, COREFILES, FALLING, STUB, TWO_POLICIES, stub

BASE = COREFILES["rke2"]
TOLD = ("one block", "two blocks", "one that falls through")
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
    "other values": "nodelocal:\n  enabled: true",
    "servers": SERVERS,
    "servers, flush": FLUSH,
    "CRLF": SERVERS.replace("\n", "\r\n"),
    "a marker of documents": f"---\n{FLUSH}",
    "a comment": "# none yet\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("told", [STUB, TWO_POLICIES, stub(FALLING)], ids=TOLD)
def test_laws(text: str, told: Stub) -> None:
    installed = install(text, BASE, told, ABLE)
    assert remove(installed) == text
    assert install(installed, BASE, told, ABLE) == installed
    for other in (stub("mesh.example", server="10.96.0.7"), TWO_POLICIES, stub(FALLING)):
        moved = install(installed, BASE, other, ABLE)
        assert moved == install(text, BASE, other, ABLE)
        assert install(moved, BASE, told, ABLE) == installed
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(installed)
    servers = after.pop("servers")
    kept = [server for server in servers if "10.96.0.99" not in str(server)]
    assert len(servers) == len(kept) + len(told.policies)
    assert kept == before.pop("servers", kept)
    assert after == before


@pytest.mark.parametrize("told", [STUB, TWO_POLICIES, stub(FALLING)], ids=TOLD)
def test_values_that_were_not_there_go_and_empty_ones_stay(told: Stub) -> None:
    root = yaml.safe_load(install("", BASE, STUB))["servers"][0]
    for text in (None, ""):
        installed = install(text, BASE, told, ABLE)
        for other in (stub(server="10.96.0.7"), TWO_POLICIES, stub(FALLING)):
            moved = install(installed, BASE, other, ABLE)
            assert remove(installed) == remove(moved) == text
            assert moved == install(text, BASE, other, ABLE)
            copied, *ours = yaml.safe_load(moved)["servers"]
            assert (copied, len(ours)) == (root, len(other.policies))


def test_what_was_copied_stays_where_ours_behind_it_was_spoiled() -> None:
    base = f"{BASE}a:53 {{\n errors\n}}\n"
    installed = install("", base, STUB)
    head, _, tail = installed.rpartition("  - name: forward")
    assert install(f"{head}  - name: whoami{tail}", base, STUB) == installed
    emptied = "# BEGIN globaldns\nservers:\n# END globaldns"
    assert yaml.safe_load(install(emptied, base, STUB)) == {"servers": [OURS]}


def test_each_policy_has_a_server() -> None:
    first, second = yaml.safe_load(install(FLUSH, BASE, TWO_POLICIES, ABLE))["servers"][:2]
    assert first == OURS
    assert second["zones"] == [{"zone": "mesh.example."}]
    assert second["plugins"][2:] == [
        {"name": "forward", "parameters": ". 10.96.0.99", "configBlock": "next NXDOMAIN"},
        {"name": "forward", "parameters": ". /etc/resolv.conf"},
    ]


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("b: [\n", 1),
        ("a: 1\na: 2\n", 2),
        ("b: 1\n\n  c: 2\n", 3),
        ("b:\n- <<: x\n", 2),
    ],
)
def test_what_is_wrong_has_its_line_whatever_stands_before_it(
    where: str, wrong: str, line: int
) -> None:
    ours = install("x: 1\n", BASE, STUB)
    before = {"before": "x: 1\n", "behind": ours}[where]
    with pytest.raises(StubError) as refused:
        install(before + wrong, BASE, STUB)
    assert (refused.value.code, refused.value.line) == ("syntax", before.count("\n") + line)
    assert str(refused.value).startswith(f"line {refused.value.line}, ")


@pytest.mark.parametrize("empty", ["servers: null\n", "servers:\n", "servers: []\n"])
def test_no_servers_at_all_are_refused_where_they_are_said(empty: str) -> None:
    with pytest.raises(StubError, match="servers is empty") as refused:
        install(f"a: 1\n{empty}", BASE, STUB)
    assert (refused.value.code, refused.value.line) == ("syntax", 2)


def test_the_whole_list_is_ours_where_the_values_had_none() -> None:
    assert are_all_ours(install("a: 1\n", BASE, STUB))
    assert not are_all_ours(install("servers:\n- zones: [{zone: a}]\n", BASE, STUB))
    assert not are_all_ours("a: 1\n")


@pytest.mark.parametrize("port", ["53", '"53"', '"053"', "[53]", "'{{ .Values.port }}'", "", "[]"])
def test_a_rival_is_seen_however_its_port_is_written(port: str) -> None:
    other = "servers:\n- zones: [{zone: a}]\n  port: 53\n"
    values = f"{other}- zones:\n  - zone: GLOBAL\n  port: {port}\n"
    with pytest.raises(StubError) as refused:
        install(values, BASE, STUB)
    assert (refused.value.code, refused.value.line) == ("user-owned", 4)
    standing = install(other, BASE, STUB)
    behind = f"{standing}- zones: [{{zone: global}}]\n  port: {port}\n"
    with pytest.raises(StubError) as refused:
        install(behind, BASE, STUB)
    assert refused.value.line == standing.count("\n") + 1


@pytest.mark.parametrize("port", ["5353", '"5353"', "'05353'"])
def test_at_another_port_it_is_none(port: str) -> None:
    values = f"servers:\n- zones: [{{zone: global}}]\n  port: {port}\n"
    assert remove(install(values, BASE, STUB)) == values


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


def test_once_the_chart_has_our_blocks_they_are_not_copied() -> None:
    running = f"{BASE}global.:53 {{\n    errors\n    cache 30\n    forward . 10.96.0.99\n}}\n"
    assert install("", running, STUB) == install("", BASE, STUB)
    running += "mesh.example.:53 {\n}\n"
    assert install("", running, TWO_POLICIES, ABLE) == install("", BASE, TWO_POLICIES, ABLE)


def test_what_the_chart_has_of_former_blocks_of_ours_is_not_copied() -> None:
    former = f"{BASE}global.:53 {{\n    errors\n    forward . 10.96.0.99\n}}\n"
    for told in (stub("global", "b"), stub(reverse=("240.128.0.0/16",)), TWO_POLICIES):
        assert install("", former, told, ABLE) == install("", BASE, told, ABLE)


def test_a_block_of_the_corefile_with_zones_beside_ours_is_refused() -> None:
    base = f"{BASE}global.:53 corp.example.:53 {{\n    errors\n}}\n"
    with pytest.raises(StubError, match=r"a block for global\., and for zones") as refused:
        install("", base, STUB)
    assert (refused.value.code, refused.value.line) == ("user-owned", BASE.count("\n") + 1)
    with pytest.raises(StubError) as refused:
        install("", f"{BASE}{{$ZONE}}:53 {{\n}}\n", STUB)
    assert refused.value.code == "unknown-zone"


def test_a_zone_that_comes_to_be_ours_and_was_copied_is_refused() -> None:
    installed = install("", f"{BASE}b:53 {{\n    errors\n}}\n", STUB)
    with pytest.raises(StubError, match=r"two for b\.") as refused:
        install(installed, BASE, stub("global", "b"))
    assert refused.value.code == "user-owned"


def test_servers_that_share_a_zone_of_theirs_by_view_or_by_address_stay() -> None:
    for plugin in ("{name: view, parameters: v}", "{name: bind, parameters: 10.0.0.%d}"):
        servers = [
            f"- zones: [{{zone: a}}]\n  port: 53\n  plugins:\n  - {plugin.replace('%d', number)}\n"
            for number in "12"
        ]
        values = f"servers:\n{''.join(servers)}"
        assert remove(install(values, BASE, STUB)) == values


def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed() -> None:
    ours = "".join(
        line for line in install(FLUSH, BASE, STUB).splitlines(keepends=True) if line[0] != "#"
    )
    assert install(ours, BASE, STUB) == ours
    assert remove(ours) == ours
    for other in (stub(server="10.96.0.7"), TWO_POLICIES):
        with pytest.raises(StubError) as refused:
            install(ours, BASE, other, ABLE)
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
        ("servers:\n- zones: [{zone: a}]\n- zones: [{zone: b}, {zone: A}]\n", BASE, "user-owned"),
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
