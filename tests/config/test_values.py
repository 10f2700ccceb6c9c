import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.values import (
    format_duration,
    format_size,
    format_workers,
    parse_address_or_name,
    parse_cidr,
    parse_duration,
    parse_ip,
    parse_listen,
    parse_size,
    parse_whole_seconds,
    parse_workers,
    parse_zone,
    split_listen,
)
from globaldns.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604800), ("1.5h", 5400)],
)
def test_a_duration_is_a_number_with_one_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "30", "s", "-1s", "1h30m", "1 s", "1S", "1w", "\N{ARABIC-INDIC DIGIT THREE}s", "1e3s"],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_duration(text)


@given(st.integers(0, 400 * 86400))
def test_whole_seconds_are_read_as_they_are_shown(seconds):
    assert parse_whole_seconds(format_duration(seconds)) == seconds


@given(st.integers(1, 999))
def test_milliseconds_are_read_as_they_are_shown(milliseconds):
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.integers(0, 1 << 40))
def test_sizes_are_read_as_they_are_shown(octets):
    assert parse_size(format_size(octets)) == octets


@pytest.mark.parametrize("text", ["", "KiB", "-1", "1kB", "1 KiB", "1.5KiB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_size(text)


@pytest.mark.parametrize(("text", "workers"), [("1", 1), ("99", 99), ("auto", 0)])
def test_a_number_of_workers_is_up_to_99_or_as_many_as_there_are_cores(text, workers):
    assert parse_workers(text) == workers
    assert format_workers(workers) == text


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "01", "100", "1.5", "Auto", "auto\n", "\N{ARABIC-INDIC DIGIT THREE}"]
)
def test_what_is_no_number_of_workers_is_refused_with_a_way_to_write_it(text):
    with pytest.raises(InvalidValue, match="is no number of workers") as caught:
        parse_workers(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [("127.0.0.1:53", "127.0.0.1", 53), ("[::1]:0", "::1", 0), ("[0:0::1]:65535", "::1", 65535)],
)
def test_a_listen_address_is_an_address_and_a_port(text, address, port):
    assert split_listen(text) == (address, port)
    assert split_listen(parse_listen(text)) == (address, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "53",
        ":53",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:\N{ARABIC-INDIC DIGIT FIVE}",
        "[::1]",
        "::1:53",
        "[127.0.0.1]:53",
        "[fe80::1:53",
        "localhost:53",
    ],
)
def test_what_is_no_listen_address_is_refused_with_a_way_to_write_it(text):
    with pytest.raises(InvalidValue) as caught:
        parse_listen(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "zone"), [("global", "global"), ("Mesh.Example.", "mesh.example"), ("a-1.b", "a-1.b")]
)
def test_a_zone_is_folded_and_loses_its_trailing_dot(text, zone):
    assert parse_zone(text) == zone


@pytest.mark.parametrize("text", ["", ".", "a..b", "-a", "a_b", "*.a", "ä", "a" * 64, "a." * 100])
def test_what_is_no_zone_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_zone(text)


@pytest.mark.parametrize("text", ["", "1.2.3", "256.1.1.1", "a b", "x.9", "a" * 254])
def test_what_is_neither_address_nor_name_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_address_or_name(text)


@pytest.mark.parametrize("parse", [parse_ip, parse_cidr, parse_address_or_name])
@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%"])
def test_an_address_that_only_one_machine_can_read_is_refused_with_the_remedy(text, parse):
    with pytest.raises(InvalidValue, match="has a zone identifier") as refused:
        parse(text)
    assert refused.value.hint == "write it without %…"
