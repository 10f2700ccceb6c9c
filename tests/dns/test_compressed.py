"""Names that others compressed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.compressed import read_name
from globaldns.errors import ServerError


def test_compressed_names_are_followed():
    wire = b"\x06global\x00" + b"\x02ns\xc0\x00"
    assert read_name(wire, 8) == (b"\x02ns\x06global\x00", 13)


@pytest.mark.parametrize("wire", [b"\xc0\x00", b"\x01a\xc0\x00", b"\x40abc", b"\x80\x00"], ids=str)
def test_a_name_that_does_not_end_or_is_no_name_is_refused(wire):
    with pytest.raises(ServerError):
        read_name(wire, 0)


@given(st.binary(max_size=60))
def test_no_octets_make_a_name_longer_than_they_can_spell(wire):
    try:
        name, behind = read_name(wire, 0)
    except (ServerError, IndexError):
        return
    assert name.endswith(b"\x00")
    assert 0 < behind <= len(wire)
