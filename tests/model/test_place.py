"""Labels for names that are none."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.host import MAX_LABEL_OCTETS
from globaldns.model.place import Place, hashed_label

NAMES = st.lists(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=9
).map(".".join)


@given(NAMES)
def test_every_name_has_a_label_that_is_one(name: str) -> None:
    label = hashed_label(name)
    assert len(label) <= MAX_LABEL_OCTETS
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label)


def test_two_names_of_the_same_words_are_two() -> None:
    labels = {hashed_label(name) for name in ("a-b.c", "a.b-c", "*.a.b", "any.a.b")}
    assert len(labels) == 4
    assert {label.rpartition("-")[0] for label in labels} == {"a-b-c", "any-a-b"}


def test_a_place_is_written_as_kubernetes_does() -> None:
    assert str(Place("shop", "web")) == "shop/web"
