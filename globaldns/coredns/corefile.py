"""A Corefile's server blocks, as CoreDNS comes to them.

::

    file      { snippet | import | block }
    snippet   "(" name ")" "{" words "}"
    block     key { [","] key } ( "{" directives "}" | directives up to the end of the file )
    directive name { word } [ "{" lines "}" ], which ends with its line outside braces

A comma ends a key that another follows, on the next line too. ``import`` puts a snippet's words, or
those of files, in its place; files are not ours to read, and their patterns are kept.

CoreDNS's parser walks one list of words with a cursor and decides by their line numbers, those of a
snippet's words being where the snippet stands. This one takes the same steps, for the odd cases
are the ones that matter: a last brace that is missing is forgiven behind a nested one.

Source: ``caddyfile/parse.go`` of github.com/coredns/caddy.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from globaldns.coredns.tokens import Token, tokenize
from globaldns.coredns.zones import Key, parse_key
from globaldns.errors import StubError

MAX_CHARACTERS = 4 << 20
"""A ConfigMap has no more than 1 MiB."""
_MAX_EXPANSIONS = 1000
"""Of snippets; as many as CoreDNS does."""
_MAX_WORDS = 1 << 17
"""With those of snippets in every place: imported often, long ones would fill the memory."""
_IMPORT = "import"
OPEN_QUOTE = "a quote that nothing closes"


class Directive(msgspec.Struct, frozen=True):
    """A plugin's name and what it is told; lines without indentation, braces at their ends."""

    lines: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """The plugin."""
        return self.lines[0][0]


class Block(msgspec.Struct, frozen=True):
    """A server block; it is text[start:stop], or where the import stands that brought it."""

    keys: tuple[str, ...]
    """As written, without commas."""
    zones: tuple[Key, ...]
    directives: tuple[Directive, ...]
    start: int
    stop: int
    line: int

    @property
    def content(self) -> tuple[tuple[str, ...], tuple[Directive, ...]]:
        """What it says, wherever it stands."""
        return self.keys, self.directives

    def named(self, name: str) -> tuple[Directive, ...]:
        """Return the directives of one plugin."""
        return tuple(directive for directive in self.directives if directive.name == name)


class Corefile(msgspec.Struct, frozen=True):
    """All that a text says."""

    blocks: tuple[Block, ...]
    imports: tuple[str, ...]
    """Files, by pattern, whose blocks stand among these."""
    included: tuple[str, ...]
    """Files, by pattern, whose directives stand in blocks."""
    snippets: tuple[str, ...]
    """Their names."""

    @property
    def contents(self) -> tuple[tuple[tuple[str, ...], tuple[Directive, ...]], ...]:
        """What its blocks say."""
        return tuple(block.content for block in self.blocks)


def parse_corefile(text: str) -> Corefile:
    """Return the blocks of a Corefile.

    Raises:
        StubError: CoreDNS would not read it; code ``syntax``, with line and column.
    """
    if len(text) > MAX_CHARACTERS:
        raise StubError(f"over {MAX_CHARACTERS >> 20} Mi characters", code="syntax")
    return _Parser(text).parse()


class _Parser:
    """One walk over the words of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokenize(text))
        self._at = 0
        self._snippets: dict[str, list[Token]] = {}
        self._expansions = 0
        self._blocks: list[Block] = []
        self._imports: list[str] = []
        self._included: list[str] = []

    def parse(self) -> Corefile:
        while self._at < len(self._tokens):
            self._parse_one()
            self._at += 1
        return Corefile(
            tuple(self._blocks),
            tuple(self._imports),
            tuple(self._included),
            tuple(self._snippets),
        )

    def _parse_one(self) -> None:
        """Read a block, a snippet or a run of imports; the cursor ends on its last word."""
        first, keys = self._parse_keys()
        if not keys and self._is_over():
            return
        name = keys[0] if len(keys) == 1 else ""
        if not self._is_over() and name.startswith("(") and name.endswith(")"):
            self._define(name[1:-1])
            return
        directives = () if self._is_over() else self._parse_body()
        if keys:
            last = self._tokens[min(self._at, len(self._tokens) - 1)]
            self._blocks.append(
                Block(
                    keys, self._zones(keys, first), directives, first.start, last.stop, first.line
                )
            )

    def _parse_keys(self) -> tuple[Token, tuple[str, ...]]:
        """Return where a block starts and its keys; the cursor is on what follows them."""
        first, keys, wants_more = self._word, list[str](), False
        while not self._is_over():
            text = self._word.text
            if text == _IMPORT and self._is_new_line:
                self._expand(self._imports)
                first = first if keys or self._is_over() else self._word
                continue
            if text == "{":
                if wants_more:
                    raise self._refusal("a comma before the brace", "take the comma away")
                break
            if text:
                wants_more = text.endswith(",")
                keys.append(text.removesuffix(","))
            self._at += 1
            if not self._is_over() and not wants_more and self._is_new_line:
                break
        if wants_more and self._is_over():
            raise self._refusal("the text ends where a key should follow", "write the block")
        return first, tuple(keys)

    def _parse_body(self) -> tuple[Directive, ...]:
        has_brace = self._word.text == "{"
        if has_brace:
            self._at += 1
        directives: list[Directive] = []
        while not self._is_over() and self._word.text != "}":
            if self._word.text == _IMPORT:
                self._expand(self._included)
            else:
                directives.append(self._parse_directive())
                self._at += 1
        if self._is_over() and has_brace and self._tokens[-1].text != "}":
            raise self._refusal("the text ends inside a block", "close its brace")
        return tuple(directives)

    def _parse_directive(self) -> Directive:
        """Return one; the cursor ends on its last word."""
        words, depth = [self._word], 0
        self._at += 1
        while not self._is_over():
            text = self._word.text
            if text == "{":
                depth += 1
            elif self._is_new_line and not depth:
                break
            elif text == "}":
                if not depth:
                    raise self._refusal("a brace closes what none opened", "put it on its own line")
                depth -= 1
            elif text == _IMPORT and self._is_new_line:
                self._expand(self._included)
                continue
            words.append(self._word)
            self._at += 1
        if depth:
            raise self._refusal("the text ends inside a directive", "close its brace")
        self._at -= 1
        return Directive(tuple(_lines(words)))

    def _define(self, name: str) -> None:
        if name in self._snippets:
            raise self._refusal(f"snippet {name!r} a second time", "give it another name")
        if self._word.text != "{":
            raise self._refusal(f"snippet {name!r} without a brace", "open one behind its name")
        words, depth = list[Token](), 1
        while depth:
            self._at += 1
            if self._is_over():
                raise self._refusal(f"the text ends inside snippet {name!r}", "close its brace")
            depth += {"{": 1, "}": -1}.get(self._word.text, 0)
            words.append(self._word)
        self._snippets[name] = words[:-1]

    def _expand(self, patterns: list[str]) -> None:
        """Put a snippet in the place of its import; of files, nothing."""
        here = self._word
        pattern = self._tokens[self._at + 1 : self._at + 2]
        if not pattern or here.last_line != pattern[0].line or not pattern[0].text:
            raise self._refusal("import of nothing", "name a snippet or a file")
        following = self._tokens[self._at + 2 : self._at + 3]
        if following and pattern[0].last_line == following[0].line:
            raise self._refusal("import of more than one thing", "write an import for each")
        words = self._snippets.get(pattern[0].text)
        if words is None:
            patterns.append(pattern[0].text)
        self._expansions += 1
        if self._expansions > _MAX_EXPANSIONS or len(self._tokens) > _MAX_WORDS:
            raise self._refusal("snippets without an end", "import fewer, and none by itself")
        span = {"start": here.start, "stop": pattern[0].stop}
        placed = [msgspec.structs.replace(word, **span) for word in words or ()]
        self._tokens[self._at : self._at + 2] = placed

    def _is_over(self) -> bool:
        return self._at >= len(self._tokens)

    @property
    def _word(self) -> Token:
        return self._tokens[self._at]

    @property
    def _is_new_line(self) -> bool:
        return self._at == 0 or self._tokens[self._at - 1].last_line < self._word.line

    def _refusal(self, reason: str, hint: str) -> StubError:
        offset = len(self._text) if self._is_over() else self._word.start
        if self._is_over() and self._tokens[-1].is_open:
            offset, reason, hint = self._tokens[-1].start, OPEN_QUOTE, "close it"
        return refusal(self._text, offset, reason, code="syntax", hint=hint)

    def _zones(self, keys: Iterable[str], first: Token) -> tuple[Key, ...]:
        try:
            return tuple(zone for key in keys for zone in parse_key(key))
        except StubError as error:
            raise refusal(
                self._text, first.start, error.reason, code=error.code, hint=error.hint
            ) from None


def refusal(text: str, offset: int, reason: str, *, code: str, hint: str) -> StubError:
    """Return an error at a place of a text."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return StubError(reason, code=code, line=line, column=column, hint=hint)


def _lines(words: Iterable[Token]) -> Iterable[tuple[str, ...]]:
    line: list[str] = []
    last = 0
    for word in words:
        if line and last != word.line:
            yield tuple(line)
            line = []
        line.append(word.text)
        last = word.last_line
    if line:
        yield tuple(line)
