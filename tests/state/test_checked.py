from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.errors import StateError
from globaldns.state.checked import format_header, read_payload

PAYLOAD = b"the last zone remembered"
FILE = format_header(PAYLOAD, 1) + PAYLOAD


@given(payload=st.binary(max_size=5000), version=st.integers(0, 65535))
def test_a_payload_is_read_as_it_was_written(payload, version):
    assert read_payload(BytesIO(format_header(payload, version) + payload), version) == payload


@given(place=st.integers(0, len(FILE) - 1), change=st.integers(1, 255))
def test_whatever_happens_to_an_octet_is_noticed(place, change):
    damaged = bytearray(FILE)
    damaged[place] ^= change
    with pytest.raises(StateError, match="is damaged: "):
        read_payload(BytesIO(damaged), 1)


@pytest.mark.parametrize("length", range(len(FILE)))
def test_a_file_that_was_cut_is_noticed(length):
    with pytest.raises(StateError, match="is damaged: "):
        read_payload(BytesIO(FILE[:length]), 1)


def test_what_follows_the_payload_is_noticed():
    with pytest.raises(StateError, match="another length"):
        read_payload(BytesIO(FILE + b"!"), 1)


def test_a_length_beyond_reason_is_not_read():
    with pytest.raises(StateError, match="its length says 72057594037927960 octets"):
        read_payload(BytesIO(FILE[:42] + b"\1" + FILE[43:]), 1)


def test_an_older_format_is_read_and_a_newer_refused_with_the_version_to_install(monkeypatch):
    monkeypatch.setattr("globaldns.state.checked.__version__", "9.8.7")
    file = format_header(PAYLOAD, 3) + PAYLOAD
    assert read_payload(BytesIO(file), 4) == PAYLOAD
    with pytest.raises(StateError, match="has format 3, this version reads up to 2") as caught:
        read_payload(BytesIO(file), 2)
    assert caught.value.hint == "install globaldns 9.8.7 or newer"
