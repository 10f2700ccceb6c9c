"""What our blocks take over from the root zone's, and what must not stand beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from globaldns.coredns.corefile import Block, Corefile
from globaldns.coredns.rendering import Surroundings
from globaldns.coredns.stub import Stub
from globaldns.coredns.zones import DEFAULT_PORT, DNS, ROOT_ZONE, Key, parse_key
from globaldns.errors import StubError

_FILES = re.compile(r"(?:.*/)?\*\.\w+")


def surroundings_of(corefile: Corefile) -> Surroundings:
    """Return port, bind and forward of the root zone; the usual ones for a text without blocks.

    Raises:
        StubError: there is no root zone, or it is at several ports none of which is 53; code
            ``root``.
    """
    if not corefile.blocks:
        return Surroundings()
    ports = {key.port: None for _, key in _roots(corefile)}
    if not ports:
        raise StubError(
            "no block for the root zone, which would say where this server listens",
            code="root",
            line=corefile.blocks[0].line,
            column=1,
            hint="edit the Corefile that has one, written like .:53",
        )
    usual = [port for port in ports if (port or DEFAULT_PORT) == DEFAULT_PORT]
    if len(ports) > 1 and not usual:
        raise StubError(
            f"the root zone is at several ports: {', '.join(ports)}",
            code="root",
            line=next(_roots(corefile))[0].line,
            column=1,
            hint="install the block by hand, at the port of the cluster's DNS Service",
        )
    port = (usual or [*ports])[0]
    blocks = list(dict.fromkeys(block for block, key in _roots(corefile) if key.port == port))
    return Surroundings(
        port=port,
        binds=tuple(bind for block in blocks for bind in block.named("bind")),
        forwards=blocks[0].named("forward"),
    )


def keys_of(stub: Stub, at: Surroundings) -> tuple[Key, ...]:
    """Return the zones that our blocks answer for."""
    suffix = f":{at.port}" if at.port else ""
    return tuple(
        key for name in (*stub.names, *stub.reverse) for key in parse_key(f"{name}{suffix}")
    )


def find_rivals(corefile: Corefile, keys: Iterable[Key]) -> Iterator[tuple[Block, Key]]:
    """Yield blocks that have a zone of ours at our port already, each with one.

    Raises:
        StubError: a block's zone is an environment variable, and may be ours; code
            ``unknown-zone``.
    """
    ours = tuple(keys)
    for block in corefile.blocks:
        for key in block.zones:
            if not any(key.may_equal(own) for own in ours):
                continue
            if key.is_known:
                yield block, key
                break
            raise StubError(
                f"the zone {key.zone} depends on the server's environment",
                code="unknown-zone",
                line=block.line,
                column=1,
                hint="write the zone out, so that it can be seen to be another than ours",
            )


def find_rival(corefile: Corefile, keys: Iterable[Key]) -> tuple[Block, Key] | None:
    """Return the first of them, if there is one.

    Raises:
        StubError: as above.
    """
    return next(find_rivals(corefile, keys), None)


def find_twice(corefiles: Mapping[str, Corefile]) -> tuple[str, Block, Key] | None:
    """Return the second block with a zone that one has already, where both would listen.

    Blocks with plugin view share a zone: which of them is asked depends on the question.
    """
    seen: list[tuple[tuple[str, str, str], frozenset[str]]] = []
    for name, corefile in corefiles.items():
        for block in corefile.blocks:
            if block.named("view"):
                continue
            binds = _binds(block)
            for key in block.zones:
                own = key.zone, key.port or DEFAULT_PORT, key.transport
                if any(own == other and _overlap(binds, at) for other, at in seen):
                    return name, block, key
                seen.append((own, binds))
    return None


def find_import(corefile: Corefile) -> str | None:
    """Return the files whose blocks a text imports and that end alike (``custom/*.server``)."""
    return next(filter(_FILES.fullmatch, corefile.imports), None)


def _roots(corefile: Corefile) -> Iterator[tuple[Block, Key]]:
    for block in corefile.blocks:
        for key in block.zones:
            if key.zone == ROOT_ZONE and key.transport == DNS:
                yield block, key


def _binds(block: Block) -> frozenset[str]:
    return frozenset(word for bind in block.named("bind") for word in bind.lines[0][1:])


def _overlap(one: Collection[str], other: Collection[str]) -> bool:
    return not one or not other or not set(one).isdisjoint(other)
