"""Corefiles in the shape of each platform's, and the stubs that tests put into them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from globaldns.coredns.rendering import Build
from globaldns.coredns.stub import Foreign, Server, Stub, StubZone

FOLDER = Path(__file__).parent / "corefiles"
COREFILES = {path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("*.corefile"))}
"""Those that are edited themselves."""
IMPORTING = {
    path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("importing/*.corefile"))
}
"""Those that import blocks from keys of a ConfigMap."""

SERVER = "10.96.0.99"
STUB = Stub(zones=(StubZone("global"),), servers=(Server(SERVER),))

ISTIO = """global:53 {
    errors
    cache 30
    proxy . 10.96.12.34
}
"""
"""The block of Istio's papers up to 1.5."""


def stub(
    *zones: str | StubZone,
    server: str = SERVER,
    foreign: Foreign = Foreign.NXDOMAIN,
    namespaces: tuple[str, ...] = (),
    **more: object,
) -> Stub:
    """A stub for zones, or for the usual one; what is said of a zone is said of those by name."""
    servers = tuple(Server(address) for address in server.split())
    told = tuple(
        zone if isinstance(zone, StubZone) else StubZone(zone, foreign, namespaces)
        for zone in zones or ("global",)
    )
    return Stub(zones=told, servers=servers, **more)  # type: ignore[arg-type]


FALLING = StubZone("mesh.example", Foreign.FALLTHROUGH)
TWO_POLICIES = stub("global", FALLING)
"""Has two blocks, where a root zone forwards and the build is known to be able to."""
ABLE = Build(version=(1, 12))


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
def blocks(draw: st.DrawFn, keys: str, *first: str) -> str:
    """A server block that CoreDNS reads, whatever its plugins would say."""
    lines = [*first, *draw(st.lists(WORDS | NESTED | COMMENTS, max_size=5))]
    head = draw(st.sampled_from([f"{keys} {{", f"{keys}\n{{", f"{keys} {{ # why"]))
    return "\n".join(
        (head, *(f"    {line}" for line in lines), draw(st.sampled_from(["}", "  }"])))
    )


@st.composite
def corefiles(draw: st.DrawFn, *in_root: str) -> str:
    """A Corefile with a root zone, a snippet, and others' blocks."""
    others = draw(st.lists(ZONES, unique=True, max_size=3))
    root = draw(st.sampled_from([".", ".:53", "dns://.:1053", ". lab.example"]))
    keys = draw(st.permutations([root, *others]))
    parts = ["(mine) {\n  errors\n}"]
    for key in keys:
        parts += [draw(COMMENTS), draw(blocks(key, *(in_root if key == root else ())))]
    parts.append(draw(COMMENTS))
    text = draw(st.sampled_from(["\n", "\n\n"])).join(parts)
    return draw(st.sampled_from([*spoiled(f"{text}\n").values()]))


_OURS = "global:53 {\n errors\n cache 30\n forward . 10.96.0.99\n}\n"
_FALLING = """\
mesh.example:53 {
 errors
 cache 30
 forward . 10.96.0.99 {
  next NXDOMAIN
 }
 forward . 1.1.1.1
}
"""
_PIECES = st.sampled_from(
    [
        *("{", "}", " ", "\n", "\r\n", '"', "\\", "#", ",", "(x)", "import x\n", "import y/*.z"),
        *(".", ".:53", "global", "global:53", "a:53", "errors", "bind 10.0.0.1", "{$PORT}"),
        *("# BEGIN globaldns\n", "# END globaldns\n", "(x) {\n errors\n}\n", "a {\n}\n"),
        *(_OURS, _FALLING, f"# BEGIN globaldns\n{_OURS}{_FALLING}# END globaldns\n"),
        f"(x) {{\n a {{\n }}\n {_OURS}}}\n",
    ]
)
SOUP = st.tuples(
    st.sampled_from(["", ".:53 {\n}\n", ".:53 {\n forward . 1.1.1.1\n}\n"]),
    st.lists(_PIECES, max_size=6).map("".join),
).map("".join)
"""Texts that may be Corefiles, and often are not."""
