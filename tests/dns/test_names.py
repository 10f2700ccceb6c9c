from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.names import (
    ROOT,
    encode_label,
    encode_name,
    format_name,
    parent,
    split_first,
    split_labels,
)
from globaldns.errors import InvalidHost

labels = st.lists(st.binary(min_size=1, max_size=63), max_size=3)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("", b""),
        ("web.shop", b"\x03web\x04shop"),
        ("WEB.Shop", b"\x03web\x04shop"),
        ("*.wild", b"\x01*\x04wild"),
        ("a" * 63, b"\x3f" + b"a" * 63),
        ("Ä", b"\x02\xc3\x84"),
    ],
)
def test_text_becomes_folded_labels(text: str, wire: bytes) -> None:
    assert encode_name(text) == wire


@pytest.mark.parametrize("text", ["a" * 64, "a..b", ".a", "a.", "."])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidHost):
        encode_name(text)


@given(labels)
def test_labels_of_any_octets_come_apart_as_they_went_together(parts: list[bytes]) -> None:
    name = b"".join(map(encode_label, parts))
    assert split_labels(name) == split_labels(name + ROOT) == parts
    if parts:
        assert split_first(name) == (parts[0], parent(name))
        assert split_labels(parent(name)) == parts[1:]


@given(labels)
def test_presentation_format_is_what_dnspython_reads(parts: list[bytes]) -> None:
    name = b"".join(map(encode_label, parts)) + ROOT
    text = format_name(name)
    assert text.isascii()
    assert text.isprintable()
    assert dns.name.from_text(text).to_wire() == name
