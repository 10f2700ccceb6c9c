"""Corefiles in the shape of each platform's, and the stubs that tests put into them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from globaldns.coredns.stub import Server, Stub

FOLDER = Path(__file__).parent / "corefiles"
COREFILES = {path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("*.corefile"))}
"""Those that are edited themselves."""
IMPORTING = {
    path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("importing/*.corefile"))
}
"""Those that import blocks from keys of a ConfigMap."""

SERVER = "10.96.0.99"
STUB = Stub(zones=("global",), servers=(Server(SERVER),))

ISTIO = """global:53 {
    errors
    cache 30
    proxy . 10.96.12.34
}
"""
"""The block of Istio's papers up to 1.5."""


def stub(*zones: str, server: str = SERVER, **more: object) -> Stub:
    """A stub for zones, or for the usual one."""
    servers = tuple(Server(address) for address in server.split())
    return Stub(zones=zones or STUB.zones, servers=servers, **more)  # type: ignore[arg-type]


def spoiled(text: str) -> dict[str, str]:
    """A text, and what editors and mounts make of it."""
    return {
        "as it is": text,
        "no newline": text.rstrip("\n"),
        "CRLF": text.replace("\n", "\r\n"),
        "CRLF, no newline": text.rstrip("\n").replace("\n", "\r\n"),
        "comment": f"{text}# the end",
        "blank": f"{text}  ",
        "BOM": f"\ufeff{text}",
    }


WORDS = st.sampled_from(
    ["errors", "log", "cache 30", 'log . "a \\" # {x}"', "import mine", "bind 10.0.0.1"]
)
NESTED = st.sampled_from(
    [
        "health {\n  lameduck 5s\n }",
        "cache {\n success 10 20\n}",
        "forward . 1.1.1.1 {\n force_tcp\n}",
    ]
)
COMMENTS = st.sampled_from(["# a comment", "   # BEGIN globaldns-gateway", "", "\t"])
ZONES = st.sampled_from(
    ["cluster.local", "corp.example:53", "10.0.0.0/8", "tls://global", "ns1.global", "global:5353"]
)


@st.composite
def blocks(draw: st.DrawFn, keys: str) -> str:
    """A server block that CoreDNS reads, whatever its plugins would say."""
    lines = draw(st.lists(WORDS | NESTED | COMMENTS, max_size=5))
    head = draw(st.sampled_from([f"{keys} {{", f"{keys}\n{{", f"{keys} {{ # why"]))
    return "\n".join(
        (head, *(f"    {line}" for line in lines), draw(st.sampled_from(["}", "  }"])))
    )


@st.composite
def corefiles(draw: st.DrawFn) -> str:
    """A Corefile with a root zone, a snippet, and others' blocks."""
    others = draw(st.lists(ZONES, unique=True, max_size=3))
    root = draw(st.sampled_from([".", ".:53", "dns://.:1053", ". lab.example"]))
    keys = draw(st.permutations([root, *others]))
    parts = ["(mine) {\n  errors\n}"]
    for key in keys:
        parts += [draw(COMMENTS), draw(blocks(key))]
    parts.append(draw(COMMENTS))
    text = draw(st.sampled_from(["\n", "\n\n"])).join(parts)
    return draw(st.sampled_from([*spoiled(f"{text}\n").values()]))


_OURS = "global:53 {\n errors\n cache 30\n forward . 10.96.0.99\n}\n"
_PIECES = st.sampled_from(
    [
        *("{", "}", " ", "\n", "\r\n", '"', "\\", "#", ",", "(x)", "import x\n", "import y/*.z"),
        *(".", ".:53", "global", "global:53", "a:53", "errors", "bind 10.0.0.1", "{$PORT}"),
        *("# BEGIN globaldns\n", "# END globaldns\n", "(x) {\n errors\n}\n", "a {\n}\n"),
        _OURS,
        f"(x) {{\n a {{\n }}\n {_OURS}}}\n",
    ]
)
SOUP = st.tuples(
    st.sampled_from(["", ".:53 {\n}\n"]), st.lists(_PIECES, max_size=6).map("".join)
).map("".join)
"""Texts that may be Corefiles, and often are not."""
