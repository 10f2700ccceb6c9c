"""Our blocks as a key of its own, where a Corefile imports the keys of a ConfigMap.

AKS, k3s, DigitalOcean, Linode, OVH, Gardener and others keep the Corefile to themselves and import
``custom/*.server`` of ConfigMap ``coredns-custom``, which people may write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from globaldns.coredns import marks
from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import check_apart, find_ours, user_owned
from globaldns.coredns.rendering import UNKNOWN, Build, Surroundings, render_blocks
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import (
    find_import,
    find_rival,
    keys_of,
    surroundings_of,
)
from globaldns.errors import StubError

_NAME = "globaldns"


def key_for(base: str) -> str:
    """Return the key that a Corefile would import our block from.

    Raises:
        StubError: it imports no blocks; code ``imports``.
    """
    pattern = find_import(parse_corefile(base))
    if pattern is None:
        raise StubError(
            "the Corefile imports no blocks", code="imports", hint="edit the Corefile itself"
        )
    return f"{_NAME}{pattern.rpartition('*')[2]}"


def install(
    data: Mapping[str, str], base: str, stub: Stub, build: Build = UNKNOWN
) -> dict[str, str]:
    """Return the data of the ConfigMap with our key; ``base`` is the Corefile that imports it.

    It is the same where somebody else wrote what we would, in whatever key.

    Raises:
        StubError: it is not edited; the code says why.
    """
    own = key_for(base)
    at = surroundings_of(parse_corefile(base))
    lines = render_blocks(stub, at, build)
    imported = {one: data[one] for one in data if one.endswith(own.removeprefix(_NAME))}
    if not _is_marked(imported.get(own, "")) and _are_told(lines, base, *imported.values()):
        return dict(data)
    _check_ours(own, imported.pop(own, ""))
    _check_rival("Corefile", base, stub, at)
    for name, text in imported.items():
        _check_rival(name, text, stub, at)
        check_apart(marks.append(text, lines), text, lines)
    return {**data, own: marks.append("", lines)}


def remove(data: Mapping[str, str]) -> dict[str, str]:
    """Return the data of the ConfigMap without our key; one of its name without marks is no such.

    Raises:
        StubError: somebody else wrote into it.
    """
    ours = [name for name in data if name.startswith(f"{_NAME}.") and _is_marked(data[name])]
    for name in ours:
        _check_ours(name, data[name])
    return {name: text for name, text in data.items() if name not in ours}


def _is_marked(text: str) -> bool:
    return marks.find_marked(text) is not None


def _are_told(lines: Iterable[str], *texts: str) -> bool:
    """Whether the texts, as far as they can be read, have a block like each of ours, once."""
    found: list[object] = []
    for text in texts:
        with suppress(StubError):
            found += parse_corefile(text).contents
    return all(found.count(ours) == 1 for ours in parse_corefile("\n".join(lines)).contents)


def _check_ours(name: str, text: str) -> None:
    marked = find_ours(text)
    if text and (marked is None or marks.cut(text, marked)):
        raise StubError(
            f"key {name} is not ours alone",
            code="user-owned",
            hint="move what is yours to a key of another name",
        )


def _check_rival(name: str, text: str, stub: Stub, at: Surroundings) -> None:
    try:
        rival = find_rival(parse_corefile(text), keys_of(stub, at))
        if rival is not None:
            raise user_owned(text, *rival)
    except StubError as error:
        raise StubError(f"{name}: {error}", code=error.code, hint=error.hint) from None
