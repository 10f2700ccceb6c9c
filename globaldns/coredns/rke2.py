"""Our servers in the values of RKE2's chart of CoreDNS: each is one of our blocks.

RKE2 owns its Corefile and takes values for it from ``spec.valuesContent``, YAML text, of
HelmChartConfig ``kube-system/rke2-coredns``. A list in values takes the place of the chart's own:
where it has no ``servers``, ours are all that the Corefile has now, and our blocks.

Source: ``values.yaml`` of github.com/coredns/helm; https://docs.rke2.io/networking/networking_services
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from globaldns.coredns import marks, surroundings
from globaldns.coredns.corefile import Block, Corefile, Directive, parse_corefile
from globaldns.coredns.marks import Marked
from globaldns.coredns.rendering import UNKNOWN, Build, format_word, render_blocks
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import find_rivals, surroundings_of
from globaldns.coredns.zones import DEFAULT_PORT, DNS, Key, parse_key
from globaldns.documents import locate, read_documents
from globaldns.errors import DocumentError, StubError
from globaldns.model.host import fold

Blocks = tuple[Block, ...]

_SERVERS = "servers"
_HEAD = f"{_SERVERS}:"
_FORWARD = "  - name: forward"
_BY_HAND = "write servers into the values, with what the Corefile has"


def install(values: str | None, base: str, stub: Stub, build: Build = UNKNOWN) -> str:
    """Return the chart's values with our servers; ``base`` is the Corefile as it runs.

    Of values that were not there ours end their last line, of empty ones they do not: so removal
    knows which it were.

    They are the same where somebody else wrote the servers that we would.

    Raises:
        StubError: they are not edited; the code says why.
    """
    if not values:
        made = _installed("", base, stub, build)
        return made if values is None else made.removesuffix("\n")
    return _installed(values, base, stub, build)


def remove(values: str) -> str | None:
    """Return the chart's values without our servers; None: there were none before us.

    Raises:
        StubError: the marks are no pair.
    """
    marked = marks.find_marked(values)
    if marked is None:
        return values
    left = marks.cut(values, marked)
    return left if left or not marked.is_ended else None


def are_all_ours(values: str) -> bool:
    """Whether the whole list of servers is between our marks: those that the Corefile had too."""
    marked = marks.find_marked(values)
    return marked is not None and marked.inside.splitlines()[:1] == [_HEAD]


def _installed(values: str, base: str, stub: Stub, build: Build) -> str:
    marked = marks.find_marked(values)
    foreign = values if marked is None else marks.cut(values, marked)
    ours = _own_blocks(base, stub, build)
    try:
        standing = _read(foreign)
        if marked is None and _say(standing, ours):
            return values
        _check_rivals(foreign, standing, ours)
    except StubError as error:
        raise marks.in_whole(error, values, marked) from None
    if marked is not None:
        changed = marks.replace(values, marked, _replaced(marked, ours))
    elif _SERVERS not in standing:
        changed = marks.append(values, [_HEAD, *_all_items(parse_corefile(base), ours)])
    elif not standing[_SERVERS]:
        raise StubError(
            "servers is empty, and the chart's own do not stand in its place",
            code="syntax",
            line=locate(values, 0, f"$.{_SERVERS}"),
            column=1,
            hint="take it away, or write the servers that the Corefile has",
        )
    else:
        line = locate(values, 0, f"$.{_SERVERS}[0]")
        at = _offset(values, line)
        indent = _indent(values, at, line)
        changed = marks.insert(values, at, _items(ours), indent=indent)
    _check(changed, standing, len(ours))
    return changed


def servers_of(values: str, domain: str) -> list[str] | None:
    """Return where a domain is sent, whoever wrote it; None: nowhere.

    Raises:
        StubError: the values cannot be read.
    """
    for server in _dicts(_read(values).get(_SERVERS)):
        zones = {fold(str(zone.get("zone"))) for zone in _dicts(server.get("zones"))}
        for plugin in _dicts(server.get("plugins")) if domain in zones else ():
            if plugin.get("name") == "forward":
                return str(plugin.get("parameters")).split()[1:]
    return None


def find_twice(values: str) -> tuple[str, int] | None:
    """Return a zone that has two servers, and the line of the second.

    Raises:
        StubError: the values cannot be read.
    """
    servers = _read(values).get(_SERVERS)
    corefiles = {
        f"$.{_SERVERS}[{number}]": Corefile((_to_block(server),), (), (), ())
        for number, server in enumerate(servers if isinstance(servers, list) else ())
        if isinstance(server, dict) and _port_of(server)
    }
    twice = surroundings.find_twice(corefiles)
    return twice and (twice[2].zone, locate(values, 0, twice[0]))


def _to_block(server: Mapping[str, Any]) -> Block:
    """Return a server as the block that the chart makes of it, wherever that stands."""
    zones = (*(Key(key.zone, _port_of(server), key.transport) for key in _keys_of(server)),)
    plugins = _dicts(server.get("plugins"))
    lines = [f"{one.get('name')} {one.get('parameters') or ''}".split() for one in plugins]
    directives = tuple(Directive((tuple(words),)) for words in lines)
    return Block((), zones, directives, start=0, stop=0, line=0)


def _own_blocks(base: str, stub: Stub, build: Build) -> Blocks:
    lines = render_blocks(stub, surroundings_of(parse_corefile(base)), build)
    return parse_corefile("\n".join(lines)).blocks


def _replaced(marked: Marked, ours: Blocks) -> list[str]:
    """Return what is to stand between our marks: our items alone, or behind those we copied."""
    inside = marked.inside.splitlines()
    if inside[:1] != [_HEAD]:
        return [*_items(ours)]
    starts = [number for number, line in enumerate(inside) if line.startswith("- ")] or [1]
    *_, before, last = (1, *starts)
    leads = _leads_to(inside[last:])
    are_both = leads != "" and _leads_to(inside[before:last]) == leads
    return [*inside[: before if are_both else last], *_items(ours)]


def _leads_to(item: Sequence[str]) -> str:
    """Return the line behind the item's first forward; of ours all lead to the same servers."""
    return next((line for former, line in pairwise(item) if former == _FORWARD), "")


def _all_items(corefile: Corefile, ours: Blocks) -> Iterator[str]:
    if corefile.imports or corefile.included or corefile.snippets or not corefile.blocks:
        raise StubError(
            "the Corefile is not one that the chart's values can say",
            code="imports",
            hint=_BY_HAND,
        )
    yield from _items(_others(corefile, [key for block in ours for key in block.zones]))
    yield from _items(ours)


def _others(corefile: Corefile, own: Collection[Key]) -> Iterator[Block]:
    """Yield the blocks without a zone of ours, which take the place of blocks for these alone."""
    rivals = dict(find_rivals(corefile, own))
    for block in corefile.blocks:
        if block not in rivals:
            yield block
        elif not all(any(key.may_equal(one) for one in own) for key in block.zones):
            raise StubError(
                f"the Corefile: a block for {rivals[block].zone}, and for zones that are not ours",
                code="user-owned",
                line=block.line,
                column=1,
                hint=f"wait until the chart has written the Corefile again, or {_BY_HAND}",
            )


def _items(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _item(block)


def _item(block: Block) -> Iterator[str]:
    """Yield a server block as the chart's values have it."""
    ports = {key.port or DEFAULT_PORT for key in block.zones}
    if len(ports) > 1 or not (port := ports.pop()).isdigit():
        raise StubError(
            f"{' '.join(block.keys)}: a server of the chart has one port, written out",
            code="build",
            line=block.line,
            column=1,
            hint=_BY_HAND,
        )
    yield "- zones:"
    for key in block.zones:
        yield f"  - zone: {json.dumps(key.zone)}"
        if key.transport != DNS:
            yield f"    scheme: {json.dumps(f'{key.transport}://')}"
    yield f"  port: {port}"
    yield "  plugins:"
    for directive in block.directives:
        yield from _plugin(directive)


def _plugin(directive: Directive) -> Iterator[str]:
    first, *inside = directive.lines
    words = first[1:-1] if first[-1] == "{" else first[1:]
    yield f"  - name: {first[0]}"
    if words:
        yield f"    parameters: {json.dumps(' '.join(map(format_word, words)))}"
    if inside:
        yield "    configBlock: |-"
        depth = 0
        for line in inside[:-1]:
            depth -= line[0] == "}"
            yield f"      {'  ' * depth}{' '.join(map(format_word, line))}"
            depth += line[-1] == "{"


def _say(values: Mapping[str, Any], ours: Blocks) -> bool:
    """Whether values have servers like ours."""
    standing = _dicts(values.get(_SERVERS))
    return all(own in standing for own in _read("\n".join((_HEAD, *_items(ours))))[_SERVERS])


def _check_rivals(text: str, values: Mapping[str, Any], ours: Blocks) -> None:
    servers = values.get(_SERVERS)
    zones = [zone for block in ours for zone in block.zones]
    for number, server in enumerate(servers if isinstance(servers, list) else ()):
        for key in _keys_of(server) if isinstance(server, dict) else ():
            port = _port_of(server)
            for own in zones:
                if Key(key.zone, port or own.port, key.transport).may_equal(own):
                    raise StubError(
                        f"servers: one for {key.zone} that is not ours",
                        code="user-owned",
                        line=locate(text, 0, f"$.{_SERVERS}[{number}]"),
                        column=1,
                        hint="remove it",
                    )


def _keys_of(server: Mapping[str, Any]) -> Iterator[Key]:
    for zone in _dicts(server.get("zones")):
        yield from parse_key(f"{zone.get('scheme') or ''}{zone.get('zone') or '.'}")


def _port_of(server: Mapping[str, Any]) -> str:
    """Return a server's port as CoreDNS would read it; empty: it cannot be told, and may be any."""
    port = server.get("port") or DEFAULT_PORT
    return str(int(port)) if str(port).isdecimal() else ""


def _dicts(value: object) -> Iterable[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _indent(values: str, at: int, line: int) -> str:
    """Return what stands before the dash of the first server, where ours is put."""
    rest = values[at:]
    indent = rest[: len(rest) - len(rest.lstrip(" "))]
    if not rest.startswith(f"{indent}- "):
        raise StubError(
            "servers is not a list with a line for each",
            code="syntax",
            line=line,
            column=1,
            hint="write it with dashes, and a server in it",
        )
    return indent


def _offset(text: str, line: int) -> int:
    """Return where a line, from 1, starts."""
    at = 0
    for _ in range(line - 1):
        at = text.index("\n", at) + 1
    return at


def _read(values: str) -> dict[str, Any]:
    try:
        documents = read_documents(values)
    except DocumentError as error:
        raise StubError(
            str(error), code="syntax", line=error.line, column=1, hint=error.hint or "mend the YAML"
        ) from None
    if len(documents) > 1:
        raise StubError("more than one YAML document", code="syntax", hint="write one")
    return documents[0] if documents else {}


def _check(changed: str, standing: Mapping[str, Any], count: int) -> None:
    """See that values are others with so many servers of ours in them, and nothing else."""
    after = _read(changed)
    servers = after.get(_SERVERS) or []
    before = standing.get(_SERVERS)
    kept = [server for server in servers if server in (before or ())]
    is_same = {**after, _SERVERS: None} == {**standing, _SERVERS: None}
    if not is_same or (
        before is not None and (kept != before or len(servers) != len(kept) + count)
    ):
        raise StubError(
            "values that would not read the same with our servers",
            code="open-end",
            hint="write them in block style",
        )
    if twice := find_twice(changed):
        raise StubError(
            f"servers: two for {twice[0]}",
            code="user-owned",
            hint="remove one; if it stands between our marks, all there (globaldns stub remove), "
            "and install it again once the chart has written its Corefile",
        )
