"""Our server in the values of RKE2's chart of CoreDNS.

RKE2 owns its Corefile and takes values for it from ``spec.valuesContent``, YAML text, of
HelmChartConfig ``kube-system/rke2-coredns``. A list in values takes the place of the chart's own:
where it has no ``servers``, ours are all that the Corefile has now, and our block.

Source: ``values.yaml`` of github.com/coredns/helm; https://docs.rke2.io/networking/networking_services
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from globaldns.coredns import marks
from globaldns.coredns.corefile import Block, Corefile, Directive, parse_corefile
from globaldns.coredns.marks import Marked
from globaldns.coredns.rendering import UNKNOWN, Build, format_word, render_block
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import surroundings_of
from globaldns.coredns.zones import DEFAULT_PORT, DNS, Key, parse_key
from globaldns.documents import locate, read_documents
from globaldns.errors import DocumentError, StubError
from globaldns.model.host import fold

_SERVERS = "servers"
_HEAD = f"{_SERVERS}:"


def install(values: str, base: str, stub: Stub, build: Build = UNKNOWN) -> str:
    """Return the chart's values with our server; ``base`` is the Corefile as it runs.

    They are the same where somebody else wrote the server that we would.

    Raises:
        StubError: they are not edited; the code says why.
    """
    marked = marks.find_marked(values)
    foreign = values if marked is None else marks.cut(values, marked)
    standing = _read(foreign)
    ours = _own_block(base, stub, build)
    if marked is None and _says(standing, ours):
        return values
    _check_rivals(standing, ours)
    if marked is not None:
        changed = marks.replace(values, marked, _replaced(marked, ours))
    elif standing.get(_SERVERS) is None:
        changed = marks.append(values, [_HEAD, *_all_items(parse_corefile(base), ours)])
    else:
        line = locate(values, 0, f"$.{_SERVERS}[0]")
        at = _offset(values, line)
        indent = _indent(values, at, line)
        changed = marks.insert(values, at, _item(ours), indent=indent)
    _check(changed, standing)
    return changed


def remove(values: str) -> str:
    """Return the chart's values without our server.

    Raises:
        StubError: the marks are no pair.
    """
    marked = marks.find_marked(values)
    return values if marked is None else marks.cut(values, marked)


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


def _own_block(base: str, stub: Stub, build: Build) -> Block:
    lines = render_block(stub, surroundings_of(parse_corefile(base)), build)
    return parse_corefile("\n".join(lines)).blocks[0]


def _replaced(marked: Marked, ours: Block) -> list[str]:
    """Return what is to stand between our marks: our item alone, or behind those that we copied."""
    inside = marked.inside.splitlines()
    if inside[:1] != [_HEAD]:
        return [*_item(ours)]
    items = [number for number, line in enumerate(inside) if line.startswith("- ")]
    return [*inside[: items[-1] if items else 1], *_item(ours)]


def _all_items(corefile: Corefile, ours: Block) -> Iterator[str]:
    if corefile.imports or corefile.included or corefile.snippets or not corefile.blocks:
        raise StubError(
            "the Corefile is not one that the chart's values can say",
            code="imports",
            hint="write servers into the values, with what the Corefile has",
        )
    for block in corefile.blocks:
        if block.zones != ours.zones:
            yield from _item(block)
    yield from _item(ours)


def _item(block: Block) -> Iterator[str]:
    """Yield a server block as the chart's values have it."""
    ports = {key.port or DEFAULT_PORT for key in block.zones}
    if len(ports) > 1 or not (port := ports.pop()).isdigit():
        raise StubError(
            f"{' '.join(block.keys)}: a server of the chart has one port, written out",
            code="build",
            line=block.line,
            column=1,
            hint="write servers into the values, with what the Corefile has",
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


def _says(values: Mapping[str, Any], ours: Block) -> bool:
    """Whether values have a server like ours."""
    (own,) = _read("\n".join((_HEAD, *_item(ours))))[_SERVERS]
    return own in _dicts(values.get(_SERVERS))


def _check_rivals(values: Mapping[str, Any], ours: Block) -> None:
    for server in _dicts(values.get(_SERVERS)):
        for zone in _dicts(server.get("zones")):
            text = f"{zone.get('scheme') or ''}{zone.get('zone') or '.'}"
            for key in parse_key(text):
                taken = Key(key.zone, str(server.get("port") or DEFAULT_PORT), key.transport)
                if any(taken.may_equal(own) for own in ours.zones):
                    raise StubError(
                        f"servers: one for {key.zone} that is not ours",
                        code="user-owned",
                        hint="remove it",
                    )


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


def _check(changed: str, standing: Mapping[str, Any]) -> None:
    """See that values are others with our server in them, and nothing else."""
    after = _read(changed)
    servers = after.get(_SERVERS) or []
    before = standing.get(_SERVERS)
    kept = [server for server in servers if server in (before or ())]
    is_same = {**after, _SERVERS: None} == {**standing, _SERVERS: None}
    if not is_same or (before is not None and (kept != before or len(servers) != len(kept) + 1)):
        raise StubError(
            "values that would not read the same with our server",
            code="open-end",
            hint="write them in block style",
        )
