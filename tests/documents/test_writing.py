from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from globaldns.documents import format_documents, format_yaml, read_documents
from tests.documents.values import DOCUMENTS


@given(values=DOCUMENTS)
def test_what_is_written_is_read_again(values: list[dict[str, object]]) -> None:
    text = "".join(f"---\n{format_yaml(value)}" for value in values)
    assert read_documents(text) == values


@pytest.mark.parametrize(
    "text",
    ["1e3", "0o17", "08", "0b11", "0x1f", "+1", ".5", "1.", "yes", "~", "null", "1_0", "", "- a"],
)
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    assert read_documents(format_yaml({"a": text, "b": 10, "c": 2.5})) == [
        {"a": text, "b": 10, "c": 2.5}
    ]


def test_mappings_keep_their_order_in_block_style_and_letters_stay_letters() -> None:
    value = {"b": [1, {"z": "é", "a": None}], "a": {}}
    assert format_yaml(value) == "b:\n- 1\n- z: é\n  a: null\na: {}\n"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    TEXTS | st.integers(-(2**40), 2**40) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
"""What Istio's documents are made of."""


LONG = "\N{SNOWMAN}" * 200


@given(values=st.lists(st.dictionaries(TEXTS, PLAIN, min_size=1, max_size=3), min_size=1))
@example(values=[{LONG: {LONG: [{LONG: "", "a": [1]}, {LONG: [2]}]}, "b": 3}])
def test_documents_are_read_again_by_old_and_new_readers(values: list[dict[str, object]]) -> None:
    text = format_documents(values)
    assert text.isascii()
    assert list(yaml.safe_load_all(text)) == values


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("web.shop.global", "web.shop.global"),
        ("spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/shop/sa/web"),
        ("outbound_.80_._.web.shop", "outbound_.80_._.web.shop"),
        ("globaldns.io/rank-1=y", "globaldns.io/rank-1=y"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", '"fd00::1"'),
        ("*.global", '"*.global"'),
        *((word, f'"{word}"') for word in ("y", "No", "on", "TRUE", "null", "", "1", "1e3", "-")),
        (80, "80"),
        (True, "true"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_a_text_is_quoted_where_some_reader_would_take_it_for_something_else(
    value: object, written: str
) -> None:
    assert format_documents([{"a": value}]) == f"a: {written}\n"


def test_lists_stand_below_their_key_without_more_room() -> None:
    documents = [{"a": [{"b": 1, "c": [2, [3]]}, "d"]}, {"e": {"f": 1}}]
    expected = "a:\n- b: 1\n  c:\n  - 2\n  - - 3\n- d\n---\ne:\n  f: 1\n"
    assert format_documents(documents) == expected
