"""Our blocks in a Corefile that is somebody else's: one, or one for each of two policies.

They stand between marks at the end of the text. Nothing else of the text changes, and what cannot
be seen to be safe is refused: a zone that is defined twice keeps CoreDNS running as it was, until
the next start of a pod, which fails.

==============================  ==================================================================
what stands there               what becomes of it
==============================  ==================================================================
no block for our zones          ours, at the end
ours, between marks             written again where they stand, if a byte differs
some that we are known to have  marked again where the first stands: kubeadm's upgrade keeps
written                         blocks and drops comments
those that say what ours would  left as they are, and never removed: somebody else wrote them
anybody else's                  refused: ``user-owned``
marks that are no pair          refused: ``marks``
==============================  ==================================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable

import msgspec

from globaldns.coredns import marks
from globaldns.coredns.corefile import OPEN_QUOTE, Block, parse_corefile, refusal
from globaldns.coredns.marks import Marked
from globaldns.coredns.rendering import (
    FALL_THROUGH,
    UNKNOWN,
    Build,
    Surroundings,
    render_blocks,
)
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import find_rival, find_rivals, keys_of, surroundings_of
from globaldns.coredns.tokens import tokenize
from globaldns.coredns.zones import Key
from globaldns.errors import StubError
from globaldns.model.address import is_address

ADOPT = "remove it, or adopt it (--adopt) if it was made for istio-coredns-plugin"
_BLANK = re.compile(r"[ \t\r]*")
_ISTIO = frozenset({"errors", "cache", "forward", "proxy"})
"""What the block for istio-coredns-plugin has in Istio's papers up to 1.5."""
_FORWARDS = frozenset({"forward", "proxy"})
_OURS = _ISTIO | {"bind", "log"}
"""What ours has, what it took the place of, and what people may have added."""


class Options(msgspec.Struct, frozen=True):
    """What is known beside the text."""

    build: Build = UNKNOWN
    known: frozenset[str] = frozenset()
    """Fingerprints of what we wrote before, or were told to adopt: that is ours without marks."""


DEFAULTS = Options()


def install(text: str, stub: Stub, options: Options = DEFAULTS) -> str:
    """Return a Corefile with our blocks in it; the same text if they are there as they should be.

    It is the same too where somebody else wrote what we would.

    Raises:
        StubError: it is not edited; the code says why, line and column where.
    """
    found = _find_all(text, options.known)
    if len(found) > 1:
        try:
            return install(marks.cut(text, found[-1]), stub, options)
        except StubError as error:
            raise marks.in_whole(error, text, found[-1]) from None
    marked = found[0] if found else None
    if marked is None and alike(text, stub, options.build):
        return text
    base = text if marked is None else marks.cut(text, marked)
    try:
        lines = lines_beside(base, stub, options.build)
    except StubError as error:
        raise marks.in_whole(error, text, marked) from None
    if marked is None:
        changed = marks.append(text, lines)
        check_apart(changed, base, lines)
        return changed
    changed = marks.replace(text, marked, lines)
    if not _is_apart(changed, base, _blocks(lines)):
        raise _misplaced(text, marked, "our block where none can stand", code="open-end")
    return changed


def remove(text: str, known: Collection[str] = ()) -> str:
    """Return a Corefile without our blocks: the very text that they were installed into.

    Raises:
        StubError: the text cannot be read, or its marks are no pair.
    """
    found = _find_all(text, known)
    if len(found) > 1:
        return remove(marks.cut(text, found[-1]), known)
    return marks.cut(text, found[0]) if found else text


def fingerprints(text: str) -> frozenset[str]:
    """Return what tells the blocks between our marks again once they have lost them.

    Raises:
        StubError: the text cannot be read, or its marks are no pair.
    """
    marked = find_ours(text)
    return frozenset(map(fingerprint_of, parse_corefile(marked.inside).blocks if marked else ()))


def alike(
    text: str, stub: Stub, build: Build = UNKNOWN, *, or_istio: bool = False
) -> frozenset[str]:
    """Return the fingerprints of the blocks for our zones, if they say what ours would.

    ``or_istio``: or each is one of ours, or as Istio's papers had it for istio-coredns-plugin.

    Raises:
        StubError: the text cannot be read, or is not known to have a block for our zones.
    """
    corefile = parse_corefile(text)
    at = surroundings_of(corefile)
    rivals = [block for block, _ in find_rivals(corefile, keys_of(stub, at))]
    return choose_alike(rivals, stub, at, build, or_istio=or_istio)


def choose_alike(
    rivals: Collection[Block], stub: Stub, at: Surroundings, build: Build, *, or_istio: bool
) -> frozenset[str]:
    """Return the same of all blocks for our zones, wherever they stand; without any, none.

    Raises:
        StubError: this CoreDNS cannot do what the stub says.
    """
    if not rivals:
        return frozenset()
    ours = {block.content for block in _blocks(render_blocks(stub, at, build))}
    others = [block for block in rivals if block.content not in ours]
    are_all = len(rivals) == len(ours) == len(set(map(fingerprint_of, rivals))) and not others
    are_istio = or_istio and len(rivals) <= len(ours) and all(map(_is_istio, others))
    return frozenset(map(fingerprint_of, rivals) if are_all or are_istio else ())


def find_ours(text: str) -> Marked | None:
    """Return our blocks with their marks.

    Raises:
        StubError: the text cannot be read, its marks are no pair, or there is more between them
            than what is ours.
    """
    around = parse_corefile(text).blocks
    marked = marks.find_marked(text)
    if marked is None:
        return None
    if any(block.start < marked.start < block.stop for block in around):
        raise _misplaced(text, marked, "our marks inside another block", code=marks.CODE)
    inside = parse_corefile(marked.inside)
    if marked.indent or _are_more(inside.blocks) or inside.imports or inside.snippets:
        raise refusal(
            text,
            marked.start,
            "a mark that is indented" if marked.indent else "more than ours between the marks",
            code=marks.CODE,
            hint="begin the line with the mark" if marked.indent else "move the rest below the END",
        )
    if not all(map(_may_be_ours, inside.blocks)):
        raise refusal(
            text,
            marked.start,
            "another block than ours between the marks",
            code=marks.CODE,
            hint="move it below the END",
        )
    return marked


def lines_beside(base: str, stub: Stub, build: Build) -> tuple[str, ...]:
    """Return the lines of our blocks for a Corefile that does not have them.

    Raises:
        StubError: our blocks cannot stand beside what is there.
    """
    corefile = parse_corefile(base)
    if not corefile.blocks and not corefile.imports:
        raise StubError(
            "the Corefile has no block, and with ours alone CoreDNS would answer nothing else",
            code="root",
            hint="write what the cluster's DNS is to do first, or name the ConfigMap that has it",
        )
    at = surroundings_of(corefile)
    if rival := find_rival(corefile, keys_of(stub, at)):
        raise user_owned(base, *rival)
    if corefile.imports:
        raise StubError(
            f"blocks are imported from {corefile.imports[0]}, and may be for our zones",
            code="imports",
            hint="put our block into a file of its own there",
        )
    return render_blocks(stub, at, build)


def user_owned(text: str, block: Block, key: Key, *, hint: str = ADOPT) -> StubError:
    """Return that somebody else's block has a zone of ours."""
    return refusal(
        text,
        block.start,
        f"a block for {key.zone} that is not ours",
        code="user-owned",
        hint=hint,
    )


def _misplaced(text: str, marked: Marked, reason: str, *, code: str) -> StubError:
    hint = "remove the marks with what is between them, and install it again"
    return refusal(text, marked.start, reason, code=code, hint=hint)


def check_apart(changed: str, base: str, lines: Iterable[str]) -> None:
    """See that a text is another one with our blocks in it, which are read as they stand.

    Raises:
        StubError: it is not; code ``open-end``.
    """
    if not _is_apart(changed, base, _blocks(lines)):
        raise _open_end(base)


def _open_end(base: str) -> StubError:
    """Return why our block cannot stand behind a text."""
    words, blocks = [*tokenize(base)], parse_corefile(base).blocks
    offset = blocks[-1].stop if blocks else len(base)
    reason = "what stands before our block is not closed, and would swallow it"
    hint = "put braces around the last block, and close its quotes"
    if words and words[-1].is_open:
        offset, reason, hint = words[-1].start, OPEN_QUOTE, "close it"
    elif blocks and "}" in blocks[-1].keys:
        offset, reason, hint = blocks[-1].start, "a brace closes what none opened", "take it away"
    return refusal(base, offset, reason, code="open-end", hint=hint)


def _is_apart(changed: str, base: str, ours: Collection[Block]) -> bool:
    before = parse_corefile(base)
    try:
        after, marked = parse_corefile(changed), marks.find_marked(changed)
    except StubError:
        return False
    if marked is None or marks.cut(changed, marked) != base:
        return False
    here = sum(block.start < marked.start for block in after.blocks)
    behind, contents = here + len(ours), after.contents
    return (
        contents[here:behind] == tuple(block.content for block in ours)
        and (*contents[:here], *contents[behind:]) == before.contents
        and (after.imports, after.included, after.snippets)
        == (before.imports, before.included, before.snippets)
    )


def _may_be_ours(block: Block) -> bool:
    names = {directive.name for directive in block.directives}
    return bool(names & _FORWARDS) and names <= _OURS


def _are_more(blocks: Collection[Block]) -> bool:
    """Whether there are more than ours, of which each policy has one."""
    return len(set(map(_falls_through, blocks))) < len(blocks)


def _falls_through(block: Block) -> bool:
    return any(FALL_THROUGH in forward.lines for forward in block.named("forward"))


def _find_all(text: str, known: Collection[str]) -> tuple[Marked, ...]:
    """Return where ours are: between their marks, else each as it is known without."""
    marked = find_ours(text)
    if marked is not None:
        return (marked,)
    blocks = parse_corefile(text).blocks
    return tuple(_whole_lines(text, block) for block in blocks if fingerprint_of(block) in known)


def _is_istio(block: Block) -> bool:
    """Whether a block is as Istio's papers had it for istio-coredns-plugin."""
    names = [directive.name for directive in block.directives]
    forwards = [directive for directive in block.directives if directive.name in _FORWARDS]
    if len(block.zones) != 1 or len(forwards) != 1 or not _ISTIO.issuperset(names):
        return False
    words, *more = forwards[0].lines
    return not more and words[1:2] == (".",) and len(words) > 2 and all(map(_is_target, words[2:]))  # noqa: PLR2004


def _is_target(word: str) -> bool:
    return is_address(word) or is_address(word.rpartition(":")[0].strip("[]"))


def _whole_lines(text: str, block: Block) -> Marked:
    """Return the lines of a block, which nothing may stand beside."""
    start = text.rfind("\n", 0, block.start) + 1
    end = text.find("\n", block.stop)
    stop = len(text) if end < 0 else end + 1
    before, after = text[start : block.start], text[block.stop : stop].removesuffix("\n")
    is_alone = _BLANK.fullmatch(before) and _BLANK.fullmatch(after)
    if not is_alone or parse_corefile(text[start:stop]).contents != (block.content,):
        raise refusal(
            text,
            block.start,
            f"a block for {block.zones[0].zone} to be replaced, which has no lines of its own",
            code="shared-line",
            hint="move it out of snippets, and away from what shares its lines",
        )
    return Marked(
        start=start,
        stop=stop,
        inside=text[start:stop],
        newline=marks.newline_of(text),
        indent="",
        is_ended=end >= 0,
    )


def _blocks(lines: Iterable[str]) -> tuple[Block, ...]:
    return parse_corefile("\n".join(lines)).blocks


def fingerprint_of(block: Block) -> str:
    """Return what tells a block again, wherever it stands."""
    words = [block.keys, *(directive.lines for directive in block.directives)]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()
