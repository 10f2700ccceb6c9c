from __future__ import annotations

import pytest

from globaldns.dns.listen import DEFAULT_LISTEN, parse_listen
from globaldns.errors import InvalidValue
from globaldns.model.address import Family


@pytest.mark.parametrize(
    ("text", "host", "family", "is_wildcard"),
    [
        ("127.0.0.1:53", "127.0.0.1", Family.IPV4, False),
        ("0.0.0.0:53", "0.0.0.0", Family.IPV4, True),
        ("[::1]:53", "::1", Family.IPV6, False),
        ("[::]:53", "::", Family.IPV6, True),
    ],
)
def test_an_address_reads_as_it_writes(
    text: str, host: str, family: Family, *, is_wildcard: bool
) -> None:
    listen = parse_listen(text)
    assert (str(listen), listen.host, listen.port) == (text, host, 53)
    assert (listen.family, listen.is_wildcard) == (family, is_wildcard)


def test_a_name_is_no_address() -> None:
    with pytest.raises(InvalidValue):
        parse_listen("dns.example:53")


def test_the_default_is_loopback_on_an_unprivileged_port() -> None:
    assert [str(listen) for listen in DEFAULT_LISTEN] == ["127.0.0.1:1053", "[::1]:1053"]
