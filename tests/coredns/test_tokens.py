"""Words of a Corefile are those that CoreDNS sees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.coredns.tokens import tokenize

WORDS = {
    "blanks part words": ("a b\tc\n\n d", ["a", "b", "c", "d"]),
    "quotes hold blanks, lines and signs of comments": ('"a b\n#c" d', ["a b\n#c", "d"]),
    "a quote inside a word is itself": ('a"b c"', ['a"b', 'c"']),
    "a word may follow a quote at once": ('"a"b', ["a", "b"]),
    "only quotes are escaped": (r'"a\"b\\c\d" e', [r'a"b\\c\d', "e"]),
    "an escaped backslash closes nothing": (r'"a\\" b', [r"a\\", "b"]),
    "an empty quote is a word": ('a "" b', ["a", "", "b"]),
    "the end closes a quote": ('a "b c', ["a", "b c"]),
    "an open quote of nothing is no word": ('a "', ["a"]),
    "a backslash at the end goes": ('"a\\', ["a"]),
    "a comment ends with its line": ("a # b c\nd", ["a", "d"]),
    "a comment behind a word ends with a blank": ("a#b c", ["a", "c"]),
    "carriage returns are nothing": ("a\rb \r\n c\r\n", ["ab", "c"]),
    "a mark of byte order goes": ("\ufeffa", ["a"]),
    "only at the start": ("a \ufeffb", ["a", "\ufeffb"]),
    "braces are words of their own only alone": ("a { b} {c }", ["a", "{", "b}", "{c", "}"]),
    "blanks of other scripts part words": ("a\u00a0b\u3000c", ["a", "b", "c"]),
    "separators of files do not": ("a\x1cb", ["a\x1cb"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "words"), WORDS.values(), ids=WORDS)
def test_words(text: str, words: list[str]) -> None:
    assert [token.text for token in tokenize(text)] == words


def test_a_word_knows_its_lines() -> None:
    tokens = list(tokenize('# x\na "b\nc"\nd'))
    assert [(token.text, token.line, token.last_line) for token in tokens] == [
        ("a", 2, 2),
        ("b\nc", 2, 3),
        ("d", 4, 4),
    ]


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet='ab"\\# \t\r\n{}\u00a0\ufeff'))
def test_a_word_stands_where_it_says(text: str) -> None:
    end = 0
    for token in tokenize(text):
        assert end <= token.start < token.stop <= len(text)
        assert token.line == text.count("\n", 0, token.start) + 1
        inside = text[token.start : token.stop]
        if not inside.startswith('"'):
            assert inside.replace("\r", "") == token.text
        end = token.stop
