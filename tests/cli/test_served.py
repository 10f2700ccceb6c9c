"""Where a server is asked over DNS."""

import pytest

from globaldns.cli.served import to_served


@pytest.mark.parametrize(
    ("listen", "host", "address"),
    [
        ((), "", ("127.0.0.1", 1053)),
        (("127.0.0.2:53", "[::1]:53"), "", ("127.0.0.2", 53)),
        (("0.0.0.0:53",), "", ("127.0.0.1", 53)),
        (("[::]:53",), "", ("::1", 53)),
        (("0.0.0.0:53",), "10.0.0.7", ("10.0.0.7", 53)),
        (("127.0.0.2:53",), "10.0.0.7", ("127.0.0.2", 53)),
    ],
)
def test_dns_is_asked_at_the_first_address_that_it_listens_on(listen, host, address):
    served = to_served(("global",), listen, host=host)
    assert (served.host, served.port) == address
