"""Server blocks are found where CoreDNS finds them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.coredns.corefile import MAX_CHARACTERS, parse_corefile
from globaldns.errors import StubError
from tests.coredns.collection import COREFILES, IMPORTING, corefiles


def said(text: str) -> list[tuple[list[str], list[str]]]:
    """Keys of each block, and the first line of each of its directives."""
    return [
        (list(block.keys), [" ".join(directive.lines[0]) for directive in block.directives])
        for block in parse_corefile(text).blocks
    ]


READ = {
    "one block": (".:53 {\n errors\n cache 30\n}", [([".:53"], ["errors", "cache 30"])]),
    "several keys": ("a b:53, c {\n}", [(["a", "b:53", "c"], [])]),
    "a comma goes on to the next line": ("a,\nb {\n}", [(["a", "b"], [])]),
    "a brace on the next line": ("a\n{\n errors\n}", [(["a"], ["errors"])]),
    "no braces at all": (".:53\nerrors\ncache 30", [([".:53"], ["errors", "cache 30"])]),
    "a key alone": (".:53", [([".:53"], [])]),
    "braces that are no braces": (". {}", [([".", "{}"], [])]),
    "two blocks on a line": ("a {\n} b {\n}", [(["a"], []), (["b"], [])]),
    "a last brace that a nested one stands for": (
        ". {\n forward . 1.1.1.1 {\n  force_tcp\n }\n",
        [(["."], ["forward . 1.1.1.1 {"])],
    ),
    "a brace that ends a block without one": (
        "a\nerrors\n}\nb {\n}",
        [(["a"], ["errors"]), (["b"], [])],
    ),
    "a block without keys is none": ("{\n errors\n}\na {\n}", [(["a"], [])]),
    "a snippet": (
        "(x) {\n errors\n cache 30\n}\na {\n import x\n log\n}",
        [(["a"], ["errors", "cache 30", "log"])],
    ),
    "a snippet inside a directive": (
        "(x) {\n success 5\n}\na {\n cache {\n  import x\n }\n log\n}",
        [(["a"], ["cache {", "log"])],
    ),
    "a snippet of blocks": ("(x) {\n a {\n  errors\n }\n}\nimport x\n", [(["a"], ["errors"])]),
    "files stand for nothing": (
        "import a/*.server\n. {\n import b/*.override\n errors\n}\nimport c\n",
        [(["."], ["errors"])],
    ),
    "variables": (".:{$PORT} {\n bind {%POD_IP%}\n}", [([".:{$PORT}"], ["bind {%POD_IP%}"])]),
    "comments only": ("# a\n\n# b", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "blocks"), READ.values(), ids=READ)
def test_what_is_read(text: str, blocks: list[tuple[list[str], list[str]]]) -> None:
    assert said(text) == blocks


REFUSED = {
    "a block that does not end": (".:53 {\n errors\n", 3, 1),
    "a directive that does not end": (". {\n cache {\n success 5\n", 4, 1),
    "a block on one line": (".:53 { errors }", 1, 15),
    "a quote that does not end": ('. {\n forward . "8.8.8.8\n}\n', 2, 12),
    "a quote that does not end in a directive": ('. {\n cache {\n success "5\n}\n}', 3, 10),
    "a comma before a brace": ("a, {\n}", 1, 4),
    "a comma at the end": ("a,", 1, 3),
    "a snippet twice": ("(x) {\n}\n(x) {\n}", 3, 5),
    "a snippet without a brace": ("(x)\nerrors", 2, 1),
    "a snippet that does not end": ("(x) {\n errors", 2, 8),
    "an import of nothing": ("import\n", 1, 1),
    "an import of two things": ("import a b\n", 1, 1),
    "a snippet that imports itself": ("(x) {\n import x\n}\n. {\n import x\n}", 5, 2),
    "a zone that is none": ("\n  a..b {\n}", 2, 3),
}


@pytest.mark.parametrize(("text", "line", "column"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_and_where(text: str, line: int, column: int) -> None:
    with pytest.raises(StubError) as refused:
        parse_corefile(text)
    error = refused.value
    assert (error.code, error.line, error.column) == ("syntax", line, column)
    assert str(error).startswith(f"line {line}, column {column}: ")
    assert error.hint


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(StubError, match="characters"):
        parse_corefile(" " * (MAX_CHARACTERS + 1))


def test_snippets_do_not_fill_the_memory() -> None:
    snippet = "(x) {\n" + " a" * 50_000 + "\n}\n"
    with pytest.raises(StubError, match="snippets without an end"):
        parse_corefile(snippet + ". {\n" + "import x\n" * 5 + "}\n")


def test_a_block_is_a_part_of_the_text() -> None:
    text = "# head\na b {\r\n errors\r\n}\n\nc {\n}"
    first, second = parse_corefile(text).blocks
    assert text[first.start : first.stop] == "a b {\r\n errors\r\n}"
    assert text[second.start : second.stop] == "c {\n}"
    assert (first.line, second.line) == (2, 6)


def test_what_a_snippet_brings_stands_where_it_is_imported() -> None:
    text = "(x) {\n a {\n }\n}\n# here\nimport x\n"
    (block,) = parse_corefile(text).blocks
    assert text[block.start : block.stop] == "import x"


def test_files_that_are_imported_are_told_by_where() -> None:
    corefile = parse_corefile(IMPORTING["k3s"])
    assert corefile.imports == ("/etc/coredns/custom/*.server",)
    assert corefile.included == ("/etc/coredns/custom/*.override",)


@pytest.mark.parametrize(
    "text", {**COREFILES, **IMPORTING}.values(), ids={**COREFILES, **IMPORTING}
)
def test_the_corefiles_of_all_platforms_are_read(text: str) -> None:
    zones = [key.zone for block in parse_corefile(text).blocks for key in block.zones]
    assert zones.count(".") == 1


@settings(max_examples=50, deadline=None)
@given(corefiles())
def test_blocks_follow_each_other(text: str) -> None:
    end = 0
    for block in parse_corefile(text).blocks:
        assert end <= block.start < block.stop
        end = block.stop


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet='a.:53,{}"\\#( )\n\rimport'))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(StubError):
        parse_corefile(text)
