"""Our blocks as a key of its own, where a Corefile imports the keys of a ConfigMap.

AKS, k3s, DigitalOcean, Linode, OVH, Gardener and others keep the Corefile to themselves and import
``custom/*.server`` of ConfigMap ``coredns-custom``, which people may write. Blocks of theirs that
are adopted leave their keys, and a key that had nothing else goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from globaldns.coredns import editing, marks
from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import (
    ADOPT,
    check_apart,
    choose_alike,
    find_ours,
    fingerprint_of,
    user_owned,
)
from globaldns.coredns.rendering import UNKNOWN, Build, Surroundings, render_blocks
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import (
    find_import,
    find_rival,
    find_rivals,
    keys_of,
    surroundings_of,
)
from globaldns.errors import StubError

_NAME = "globaldns"
_THEIRS = "remove it there, or have who writes that Corefile do it"


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
    return _key(pattern)


def alike(
    data: Mapping[str, str],
    base: str,
    stub: Stub,
    build: Build = UNKNOWN,
    *,
    or_istio: bool = False,
) -> frozenset[str]:
    """Return the fingerprints of others' blocks in imported keys, if they say what ours would.

    ``or_istio``: or each is one of ours, or as Istio's papers had it for istio-coredns-plugin.

    Raises:
        StubError: a key cannot be read, or is not known to have a block for our zones.
    """
    corefile = parse_corefile(base)
    pattern = find_import(corefile)
    if pattern is None:
        return frozenset()
    at = surroundings_of(corefile)
    keys = keys_of(stub, at)
    rivals = []
    for name, text in _imported(data, _key(pattern)).items():
        with _in_key(name):
            found = () if _is_marked(text) else find_rivals(parse_corefile(text), keys)
            rivals += [block for block, _ in found]
    return choose_alike(rivals, stub, at, build, or_istio=or_istio)


def install(
    data: Mapping[str, str],
    base: str,
    stub: Stub,
    build: Build = UNKNOWN,
    known: Collection[str] = (),
) -> dict[str, str]:
    """Return the data of the ConfigMap with our key; ``base`` is the Corefile that imports it.

    It is the same where somebody else wrote what we would, in whatever key, unless that is
    ``known``: then it is ours from now on.

    Raises:
        StubError: it is not edited; the code says why.
    """
    own = key_for(base)
    at = surroundings_of(parse_corefile(base))
    lines = render_blocks(stub, at, build)
    data = _without(data, known)
    imported = _imported(data, own)
    if not _is_marked(imported.get(own, "")) and _are_told(lines, base, *imported.values()):
        return dict(data)
    _check_ours(own, imported.pop(own, ""))
    _check_rival("Corefile", base, stub, at, hint=_THEIRS)
    for name, text in imported.items():
        _check_rival(name, text, stub, at)
        check_apart(marks.append(text, lines), text, lines)
    return {**data, own: marks.append("", lines)}


def render(base: str, stub: Stub, build: Build = UNKNOWN) -> str:
    """Return the text of our key, whoever else tells the same already.

    Raises:
        StubError: this CoreDNS cannot do what the stub says, or listens where is not known.
    """
    return marks.append("", render_blocks(stub, surroundings_of(parse_corefile(base)), build))


def remove(data: Mapping[str, str], known: Collection[str] = ()) -> dict[str, str]:
    """Return the data of the ConfigMap without our key, and without others' blocks that are known.

    A key of our name without marks is not ours.

    Raises:
        StubError: somebody else wrote into it.
    """
    data = _without(data, known)
    ours = [name for name in data if name.startswith(f"{_NAME}.") and _is_marked(data[name])]
    for name in ours:
        _check_ours(name, data[name])
    return {name: text for name, text in data.items() if name not in ours}


def _key(pattern: str) -> str:
    return f"{_NAME}{pattern.rpartition('*')[2]}"


def _imported(data: Mapping[str, str], own: str) -> dict[str, str]:
    return {one: data[one] for one in data if one.endswith(own.removeprefix(_NAME))}


def _without(data: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Return data without the blocks that are known; keys that had nothing else are gone."""
    left = dict(data)
    for name, text in data.items():
        if _is_known(text, known):
            with _in_key(name):
                left[name] = editing.remove(text, known)
            if not left[name].strip():
                del left[name]
    return left


def _is_known(text: str, known: Collection[str]) -> bool:
    """Whether a text, if it can be read, has a block that is known."""
    with suppress(StubError):
        blocks = parse_corefile(text).blocks if known else ()
        return any(fingerprint_of(block) in known for block in blocks)
    return False


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


def _check_rival(name: str, text: str, stub: Stub, at: Surroundings, *, hint: str = ADOPT) -> None:
    with _in_key(name):
        rival = find_rival(parse_corefile(text), keys_of(stub, at))
        if rival is not None:
            raise user_owned(text, *rival, hint=hint)


@contextmanager
def _in_key(name: str) -> Iterator[None]:
    """Have errors say the key of the ConfigMap in which they are."""
    try:
        yield
    except StubError as error:
        raise StubError(f"{name}: {error}", code=error.code, hint=error.hint) from None
