r"""Words of a Corefile, where they stand.

CoreDNS reads its Corefile with Caddy's first lexer, whose rules are few and odd::

    word     what is not blank, up to a blank or a ``#``
    "word"   up to the next quote; ``\"`` is a quote, other backslashes are themselves;
             the end of the text ends it too
    # …      to the end of the line; but right behind a word only to the next blank
    CR       is nothing at all, wherever it stands outside quotes
    U+FEFF   is skipped at the start

Source: ``caddyfile/lexer.go`` of github.com/coredns/caddy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_BOM = "\ufeff"
_BLANKS = r"\t\n\v\f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Go's unicode.IsSpace but for CR; Python's has the separators U+001C to U+001F besides."""
_BETWEEN = re.compile(rf"(?:[\r{_BLANKS}]|\#[^\n]*)*")
_WORD = re.compile(
    rf'"(?P<quoted>(?:\\.|[^"\\])*)(?:(?P<close>")|\\?\Z)'
    rf"|(?P<plain>[^{_BLANKS}#]+)(?:\#[^{_BLANKS}]*)?",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Token(msgspec.Struct, frozen=True, gc=False):
    """One word; it is text[start:stop] of what was read, before quotes and escapes are gone."""

    text: str
    line: int
    """Where it starts, from 1."""
    start: int
    stop: int
    is_open: bool = False
    """Whether it is a quote that only the end of the text ends."""

    @property
    def last_line(self) -> int:
        """Where it ends; only a quoted word may have several lines."""
        return self.line + self.text.count("\n")


def tokenize(text: str) -> Iterator[Token]:
    """Yield the words of a Corefile."""
    offset = 1 if text.startswith(_BOM) else 0
    line, counted = 1, 0
    while True:
        found = _WORD.match(text, _skip_blanks(text, offset))
        if found is None:
            return
        line += text.count("\n", counted, found.start())
        counted, offset = found.start(), found.end()
        plain = found["plain"]
        if plain is not None:
            stop = found.start() + len(plain.rstrip("\r"))
            yield Token(plain.replace("\r", ""), line, found.start(), stop)
        elif found["close"] or found["quoted"]:
            word = _ESCAPE.sub(_unescape, found["quoted"])
            yield Token(word, line, found.start(), found.end(), not found["close"])


def _skip_blanks(text: str, offset: int) -> int:
    found = _BETWEEN.match(text, offset)
    return found.end() if found else offset


def _unescape(pair: re.Match[str]) -> str:
    return '"' if pair[1] == '"' else pair[0]
