"""What our block takes over, and what must not stand beside it."""

from __future__ import annotations

import pytest

from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.rendering import Surroundings
from globaldns.coredns.surroundings import (
    find_import,
    find_rival,
    keys_of,
    surroundings_of,
)
from globaldns.coredns.zones import Key
from globaldns.errors import StubError
from tests.coredns.collection import IMPORTING, STUB, stub


def around(text: str) -> Surroundings:
    return surroundings_of(parse_corefile(text))


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("", "53"),
        (".:5353 {\n}", "5353"),
        (". {\n}", ""),
        ("dns://.:8053 {\n}", "8053"),
        ("tls://.:853 {\n}\n.:53 {\n}", "53"),
        (".:1053 {\n}\n.:53 {\n}", "53"),
        ("a:1053 .:53 {\n}", "53"),
        ("(x) {\n.:5353 {\n}\n}\nimport x", "5353"),
    ],
)
def test_the_port_is_that_of_the_root_zone(text: str, port: str) -> None:
    assert around(text).port == port


@pytest.mark.parametrize("text", ["a:53 {\n}", "tls://. {\n}", ".:1053 {\n}\n.:1054 {\n}"])
def test_without_one_port_of_the_root_zone_nothing_is_known(text: str) -> None:
    with pytest.raises(StubError) as refused:
        around(text)
    assert (refused.value.code, refused.value.line) == ("root", 1)


def test_all_addresses_are_taken_over_where_the_root_zone_is_bound() -> None:
    text = (
        "(x) {\n bind 10.0.0.2 {\n  except 10.0.0.3\n }\n}\n"
        ".:53 {\n bind 10.0.0.1\n}\n"
        ".:53 {\n import x\n}"
    )
    binds = [directive.lines for directive in around(text).binds]
    assert binds == [
        (("bind", "10.0.0.1"),),
        (("bind", "10.0.0.2", "{"), ("except", "10.0.0.3"), ("}",)),
    ]


def test_the_zones_of_our_block() -> None:
    at = Surroundings(port="5353")
    assert keys_of(stub("global", reverse=("240.0.0.0/8",)), at) == (
        Key("global.", "5353"),
        Key("240.in-addr.arpa.", "5353"),
    )


def test_a_rival_has_one_of_our_zones() -> None:
    corefile = parse_corefile("a {\n}\nb GLOBAL.:53 {\n}\n")
    found = find_rival(corefile, keys_of(STUB, Surroundings()))
    assert found == (corefile.blocks[1], Key("global.", "53"))
    assert find_rival(corefile, keys_of(STUB, Surroundings(port="5353"))) is None


def test_a_zone_that_cannot_be_told_is_refused() -> None:
    keys = keys_of(STUB, Surroundings())
    assert find_rival(parse_corefile("{$ZONE}:54 {\n}\ntls://{$ZONE} {\n}"), keys) is None
    with pytest.raises(StubError) as refused:
        find_rival(parse_corefile("a {\n}\n{$ZONE}:53 {\n}"), keys)
    assert (refused.value.code, refused.value.line) == ("unknown-zone", 3)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (IMPORTING["aks"], "custom/*.server"),
        (IMPORTING["outscale"], "/custom/*.server"),
        ("import conf.d/global\nimport *.include", "*.include"),
        ("import conf.d/*", None),
        (". {\n import custom/*.override\n}", None),
        ("", None),
    ],
)
def test_files_whose_blocks_are_imported(text: str, pattern: str | None) -> None:
    assert find_import(parse_corefile(text)) == pattern
