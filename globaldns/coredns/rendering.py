"""Our server blocks: the same text for the same stub, whoever writes it.

There is one for all zones, unless what becomes of foreign names in them differs.

Only ``errors``, ``cache`` and ``forward`` are in it, and of their options only those that every
CoreDNS has, or the one at hand is known to have: a plugin or an option that is not known keeps
CoreDNS from starting, and kubeadm from upgrading it.

Source: CoreDNS's release notes; ``plugin/forward``, ``plugin/cache`` of github.com/coredns/coredns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from globaldns.coredns.corefile import Directive
from globaldns.coredns.stub import Foreign, Stub
from globaldns.coredns.zones import ROOT_ZONE, parse_key
from globaldns.errors import StubError

Version = tuple[int, ...]

NEXT = (1, 11, 4)
"""``next``, and several forwards in one block."""
_FAILFAST = (1, 12, 1)
"""``failfast_all_unhealthy_upstreams``: while we are away, SERVFAIL at once in place of 2 s."""
FALL_THROUGH = ("next", "NXDOMAIN")
"""Of a forward: who is asked next, for names that do not exist, is the next forward."""
_INDENT = "    "
_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)")
_PLAIN = re.compile(r'[^\s"#][^\s#]*')


class Build(msgspec.Struct, frozen=True):
    """What is known of the CoreDNS that reads it."""

    version: Version = ()
    """Empty: not known."""
    plugins: frozenset[str] | None = None
    """None: not known, so those of the default build."""

    def has(self, plugin: str) -> bool:
        """Whether it has a plugin, as far as we know."""
        return self.plugins is None or plugin in self.plugins


UNKNOWN = Build()


class Surroundings(msgspec.Struct, frozen=True):
    """What our blocks take over from the root zone's."""

    port: str = "53"
    """Digits, an environment variable, or nothing: the server's default."""
    binds: tuple[Directive, ...] = ()
    """Where the root zone is answered; else there only our zone would be answered."""
    forwards: tuple[Directive, ...] = ()
    """Who is asked for other names, all or those of a zone."""

    def forwards_of(self, zones: Iterable[str]) -> tuple[Directive, ...]:
        """Return who is asked for names in any of some zones."""
        wanted = (*zones,)
        return tuple(
            one for one in self.forwards if any(_is_asked_for(one, zone) for zone in wanted)
        )


def parse_version(image: str) -> Version:
    """Return the version in the tag of a container's image; empty if it says none."""
    _, colon, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    found = _VERSION.match(tag) if colon else None
    return tuple(map(int, found[1].split("."))) if found else ()


def render_blocks(stub: Stub, at: Surroundings, build: Build) -> tuple[str, ...]:
    """Return the lines of our blocks.

    Raises:
        StubError: this CoreDNS cannot do what the stub says; code ``build``.
    """
    if stub.falling:
        _check_fallthrough(stub, at, build)
    suffix = f":{at.port}" if at.port else ""
    lines: list[str] = []
    for foreign, names in stub.policies.items():
        keys = " ".join(f"{name}{suffix}" for name in names)
        body = (*_directives(stub, foreign, at, build),)
        lines += (f"{keys} {{", *(f"{_INDENT}{line}" for line in body), "}")
    return tuple(lines)


def format_directive(directive: Directive) -> Iterator[str]:
    """Yield the lines of a directive that stood elsewhere, indented by its braces."""
    depth = 0
    for words in directive.lines:
        closes = words[0] == "}"
        yield _INDENT * (depth - closes) + " ".join(map(format_word, words))
        depth += words.count("{") - words.count("}")


def _directives(stub: Stub, foreign: Foreign, at: Surroundings, build: Build) -> Iterator[str]:
    for bind in at.binds:
        yield from format_directive(bind)
    if build.has("errors"):
        yield "errors"
    if stub.cache_seconds and build.has("cache"):
        yield f"cache {stub.cache_seconds}"
    yield from _forward(stub, foreign, build)
    if foreign is Foreign.FALLTHROUGH:
        for forward in at.forwards_of(_falling_zones(stub)):
            yield from format_directive(forward)


def _forward(stub: Stub, foreign: Foreign, build: Build) -> Iterator[str]:
    if not build.has("forward"):
        raise _refused("it has no plugin forward", "use one with the plugin")
    head = " ".join(("forward", ".", *stub.targets))
    options = (*_options(stub, foreign, build),)
    if not options:
        yield head
        return
    yield f"{head} {{"
    yield from (f"{_INDENT}{option}" for option in options)
    yield "}"


def _options(stub: Stub, foreign: Foreign, build: Build) -> Iterator[str]:
    if stub.force_tcp:
        yield "force_tcp"
    if build.version >= _FAILFAST:
        yield "failfast_all_unhealthy_upstreams"
    if foreign is Foreign.FALLTHROUGH:
        yield " ".join(FALL_THROUGH)


def _check_fallthrough(stub: Stub, at: Surroundings, build: Build) -> None:
    names = f"names of others in {', '.join(stub.falling)}"
    if build.version < NEXT:
        raise _refused(
            f"{names} can be asked elsewhere from 1.11.4 on, and its version is "
            + (".".join(map(str, build.version)) or "not known"),
            "choose namespaces in place of foreign: fallthrough",
        )
    for zone in _falling_zones(stub):
        if not at.forwards_of((zone,)):
            raise _refused(
                "the root zone's block forwards to nobody who would be asked for names of others "
                f"in {zone.removesuffix('.')}",
                "use foreign: nxdomain",
            )


def _falling_zones(stub: Stub) -> list[str]:
    """Return the zones of the block that asks others too, with a dot at the end."""
    names = stub.policies[Foreign.FALLTHROUGH]
    return [key.zone for name in names for key in parse_key(name)]


def _is_asked_for(forward: Directive, zone: str) -> bool:
    """Whether a forward is for a zone: its own, which is its first word, is that or above it."""
    sources = [key.zone for word in forward.lines[0][1:2] for key in parse_key(word)]
    return any(one == ROOT_ZONE or f".{zone}".endswith(f".{one}") for one in sources)


def _refused(reason: str, hint: str) -> StubError:
    return StubError(f"this CoreDNS: {reason}", code="build", hint=hint)


def format_word(word: str) -> str:
    """Return a word as a Corefile has it, in quotes where it needs them."""
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace('"', '\\"') + '"'
