"""Our lines are found only where we put them, and leave no trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.coredns.marks import BEGIN, END, append, cut, find_marked, insert, replace
from globaldns.errors import StubError

OURS = ["one", "", "two"]
TEXTS = st.text(alphabet="a#: \r\n\ufeff").map(lambda text: text)


def test_our_lines_end_as_those_of_the_text_do() -> None:
    assert append("a\r\nb\r\n", OURS) == f"a\r\nb\r\n{BEGIN}\r\none\r\n\r\ntwo\r\n{END}\r\n"
    assert append("a\nb", OURS) == f"a\nb\n{BEGIN}\none\n\ntwo\n{END}"
    assert append("", OURS) == f"{BEGIN}\none\n\ntwo\n{END}\n"


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_what_was_appended_comes_out_again(text: str) -> None:
    whole = append(text, OURS)
    marked = find_marked(whole)
    assert marked is not None
    assert marked.inside.split() == ["one", "two"]
    assert cut(whole, marked) == text


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_what_was_inserted_comes_out_again(before: str, after: str) -> None:
    text = f"{before}\n{after}"
    whole = insert(text, len(before) + 1, OURS, indent="  ")
    marked = find_marked(whole)
    assert marked is not None
    assert (marked.indent, marked.is_ended) == ("  ", True)
    assert cut(whole, marked) == text


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_other_lines_take_the_place_of_ours(text: str) -> None:
    marked = find_marked(append(text, ["three"]))
    assert marked is not None
    assert replace(append(text, ["three"]), marked, OURS) == append(text, OURS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# BEGIN globaldns-gateway\n",
        "# begin globaldns\n",
        "# BEGIN globaldnsx\n# BEGINNING globaldns\n",
        "# END globaldns.example\n",
        "# THE END globaldn\n",
    ],
)
def test_near_misses_are_somebody_elses(text: str) -> None:
    assert find_marked(text) is None


STRAY = {
    "no end": (f"a\n{BEGIN}\nb\n", 2),
    "no begin": (f"a\n{END}\n", 2),
    "the wrong way round": (f"{END}\n{BEGIN}\n", 1),
    "nested": (f"{BEGIN}\n{BEGIN}\n{END}\n{END}\n", 2),
    "two pairs": (f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", 3),
    "in another comment": (f"# see {BEGIN} below\n", 1),
    "behind something": (f"a\nerrors {BEGIN}\n", 2),
    "with something behind": (f"{BEGIN} by hand\n{END}\n", 1),
    "blanks behind": (f"{BEGIN} \n{END}\n", 1),
    "without a blank": ("#BEGIN globaldns\n", 1),
}


@pytest.mark.parametrize(("text", "line"), STRAY.values(), ids=STRAY)
def test_what_may_be_a_mark_and_is_none_is_refused(text: str, line: int) -> None:
    with pytest.raises(StubError) as refused:
        find_marked(text)
    assert (refused.value.code, refused.value.line) == ("marks", line)
    assert refused.value.hint
