from __future__ import annotations

import pytest
from hypothesis import given

from globaldns.documents import format_yaml, read_documents
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
