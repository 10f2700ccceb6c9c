from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.documents import format_yaml, iterate_documents, read_documents
from globaldns.documents import reading as documents
from globaldns.errors import DocumentError
from tests.documents.values import DOCUMENTS

TEXTS = [
    ("", []),
    ("# only a comment\n", []),
    ("---\n---\n", []),
    ("null\n", []),
    ("a: 1", [{"a": 1}]),
    ("\ufeffa: 1", [{"a": 1}]),
    ("---\na: 1\n...\n", [{"a": 1}]),
    ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
    ("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
    ("a: 1\n---\n---\n# nothing\n---\nb: 2\n---\n", [{"a": 1}, {"b": 2}]),
    ("a: 1\n...\nb: 2\n", [{"a": 1}, {"b": 2}]),
    ("%YAML 1.2\n---\na: 1\n", [{"a": 1}]),
    ("a: |\n  x\n  ---\n  y\nb: 1\n", [{"a": "x\n---\ny\n", "b": 1}]),
    ('{"a": [1, 2.5, "\\u00e9\\ud83d\\ude00", null, true]}', [{"a": [1, 2.5, "é😀", None, True]}]),
    ('{\n\t"a": 1\n}', [{"a": 1}]),
    ("a: yes\nb: 2024-01-01\nc: 0o17\n", [{"a": "yes", "b": "2024-01-01", "c": 15}]),
    ("a: 10:20\n", [{"a": "10:20"}]),
    ("a: &x [1]\nb: *x\n", [{"a": [1], "b": [1]}]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values"), TEXTS)
def test_a_text_is_its_documents_that_are_not_empty(text: str, values: list[object]) -> None:
    assert read_documents(text) == values


ERRORS = [
    ("- a: 1\n- b: 2\n", 1, "must be a mapping"),
    ("a: 1\n---\n\n- b\n", 4, "must be a mapping"),
    ("a: 1\n---\nhello\n", 3, "must be a mapping"),
    ("a: 1\nb: 2\na: 3\n", 3, "duplicate mapping key"),
    ("x: 1\n---\ny:\n  a: 1\n  b: 1\n  a: 2\n", 6, "duplicate mapping key"),
    ("x: &x {a: 1}\ny:\n  <<: *x\n", 3, "merge key"),
    ("a: 1\nb: [1\nc: 2\n", 3, "."),
    ('a: "x\n', 2, "quoted scalar"),
    ("a:\n\tb: 1\n", 2, "tabs"),
    ("a: 1\nb: \0\n", 2, "NUL"),
    ("a: *nowhere\n", 1, "unknown anchor"),
    ("a: !!python/object:os.system x\n", 1, "tag"),
    ('{"a": 1}\n{"b": 2}\n', 2, "document start"),
    ("x: 1\n1: 2\n", 2, "keys must be text"),
    ("? [a]\n: 2\n", 1, "keys must be text"),
]


@pytest.mark.parametrize(("text", "line", "reason"), ERRORS)
def test_an_error_names_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        read_documents(text)
    assert caught.value.line == line


def test_an_error_far_down_names_its_line_in_the_whole_text() -> None:
    fine = "a: 1\n---\n" * 60_000
    with pytest.raises(DocumentError) as caught:
        read_documents(f"{fine}b: [\n")
    assert caught.value.line in (120_001, 120_002)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- " * 50_000 + "1", id="lists on one line"),
        pytest.param("a:\n  " + "-\t" * 50_000 + "1", id="lists by tabs"),
        pytest.param("? " * 50_000 + "1", id="keys on one line"),
        pytest.param(": " * 50_000 + "1", id="values on one line"),
        pytest.param("".join(" " * depth + "a:\n" for depth in range(1500)), id="mappings"),
        pytest.param("[" * 50_000, id="open lists"),
        pytest.param('{"a":' * 50_000, id="open mappings"),
        pytest.param("a: " + "[" * 1000 + "]" * 1000, id="flow lists"),
        pytest.param(BOMB, id="aliases"),
    ],
)
def test_a_text_that_would_exhaust_the_reader_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        read_documents(text)


def test_aliases_may_repeat_a_hundred_thousand_nodes_and_no_more() -> None:
    anchor = f"a: &a [{', '.join('x' * 1000)}]\nb: ["
    (value,) = read_documents(f"{anchor}{', '.join(['*a'] * 90)}]\n")
    assert sum(map(len, value["b"])) == 90_000
    with pytest.raises(DocumentError, match=r"alias replay limit exceeded.* 100000"):
        read_documents(f"{anchor}{', '.join(['*a'] * 110)}]\n")


def test_long_lines_that_do_not_nest_are_read() -> None:
    text = f"a: {'x' * 5000}\nb: |\n  {'- ' * 100}\nc: {[{'k': 'v'}] * 1000}\n"
    (value,) = read_documents(text)
    assert (len(value["a"]), len(value["c"])) == (5000, 1000)


def test_too_many_documents_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 3)
    assert len(read_documents("a: 1\n---\n" * 3)) == 3
    with pytest.raises(DocumentError, match="over 3 documents"):
        read_documents("a: 1\n---\n" * 4)


def test_too_long_a_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 10)
    with pytest.raises(DocumentError, match="characters"):
        read_documents("a: 12345678")


@given(values=DOCUMENTS, size=st.integers(1, 50))
def test_cutting_a_text_into_pieces_changes_nothing(values: list[object], size: int) -> None:
    text = "".join(f"---\n{format_yaml(value)}" for value in values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_PIECE_CHARACTERS", size)
        assert list(iterate_documents(text)) == values


@given(size=st.integers(1, 50))
def test_a_directive_stays_with_the_marker_after_it(size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_PIECE_CHARACTERS", size)
        text = "%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n"
        assert read_documents(text) == [{"a": 1}, {"b": 2}]


@given(text=st.text(alphabet="ab:-?[]{}&*!|>'\"#%<,. \t\n~0", max_size=60))
def test_any_text_is_documents_or_a_document_error(text: str) -> None:
    line = 0
    try:
        values = read_documents(text)
    except DocumentError as error:
        values, line = [], error.line
    assert all(isinstance(value, dict) for value in values)
    assert 0 <= line <= text.count("\n") + 1
