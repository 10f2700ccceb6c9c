from __future__ import annotations

import pytest

from globaldns import __version__
from globaldns.config.schema import Chaos
from globaldns.dns.chaos import resolve_chaos
from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.names import encode_name
from globaldns.dns.rules import DnsRules

HIDDEN = DnsRules(zones=("global",), instance="east-1")
OPEN = DnsRules(zones=("global",), instance="east-1", chaos=Chaos.VERSION)


def text(rules: DnsRules, name: str, rrtype: Rrtype = Rrtype.TXT) -> str | None:
    answer = resolve_chaos(rules, encode_name(name) + b"\0", rrtype)
    if answer.rrset is None:
        assert answer.rcode is Rcode.REFUSED
        return None
    return answer.rrset.rdatas[0][1:].decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("version.bind", f"globaldns {__version__}"),
        ("version.server", f"globaldns {__version__}"),
        ("id.server", "east-1"),
        ("hostname.bind", "east-1"),
        ("authors.bind", None),
        ("bind", None),
    ],
)
def test_who_answers_is_told_only_where_that_is_switched_on(
    name: str, expected: str | None
) -> None:
    assert text(OPEN, name) == expected
    assert text(HIDDEN, name) is None


def test_only_text_is_told() -> None:
    assert text(OPEN, "version.bind", Rrtype.A) is None
