from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from globaldns.errors import InvalidHost
from globaldns.model.host import (
    Host,
    check_host,
    fold,
    is_service_host,
    is_wildcard,
    namespace_of,
    service_host,
    split_zone,
)

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ZONES = st.lists(st.sampled_from(["global", "eu.global", "x.eu.global", "lobal", "mesh"]))


def test_a_host_is_name_and_namespace():
    assert service_host("reviews", "bookinfo") == "reviews.bookinfo"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Reviews.BookInfo.GLOBAL.", "reviews.bookinfo.global"),
        ("a", "a"),
        (".", ""),
        ("", ""),
        ("a..", "a."),
        ("Bücher.global.", "Bücher.global"),
        ("ÄB.global", "ÄB.global"),
    ],
)
def test_a_name_is_folded_in_ascii_only_and_loses_one_trailing_dot(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("name", "zones", "expected"),
    [
        ("reviews.bookinfo.global", ["global"], ("reviews.bookinfo", "global")),
        ("global", ["global"], ("", "global")),
        ("xglobal", ["global"], None),
        ("a.global.com", ["global"], None),
        ("a.global", [], None),
        ("", ["global"], None),
        ("web.eu.global", ["global", "eu.global"], ("web", "eu.global")),
        ("web.eu.global", ["eu.global", "global"], ("web", "eu.global")),
        ("eu.global", ["global", "eu.global"], ("", "eu.global")),
        ("web.us.global", ["eu.global", "global"], ("web.us", "global")),
        ("*.apps.global", ["global"], ("*.apps", "global")),
    ],
)
def test_a_name_belongs_to_the_longest_zone_that_holds_it(name, zones, expected):
    assert split_zone(name, zones) == expected


@given(NAMES, st.sampled_from(["", ".global", ".eu.global", ".lobal"]), ZONES)
def test_host_and_zone_together_are_the_name(name, suffix, zones):
    name += suffix
    found = split_zone(name, zones)
    holding = [zone for zone in zones if f".{name}".endswith(f".{zone}")]
    assert (found is None) is (holding == [])
    if found is not None:
        host, zone = found
        assert zone == max(holding, key=len)
        assert (f"{host}.{zone}" if host else zone) == name


@pytest.mark.parametrize(
    "host",
    [
        "reviews.bookinfo",
        "*",
        "*.apps",
        "1.2",
        "xn--bcher-kva.shop",
        "a--b.ns",
        "a" * 63 + ".ns",
        ".".join(["a" * 63] * 3 + ["b" * 54]),
    ],
)
def test_a_name_of_letters_digits_and_inner_hyphens_is_a_host(host):
    check_host(Host(host), "global")


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("", "'global' is the zone itself"),
        ("a..b", "'a..b' has an empty label"),
        (".a", "'.a' has an empty label"),
        ("a.", "'a.' has an empty label"),
        ("a" * 64, "label aaaaaaaaaaaaaaaaaaaa… has 64 octets, 63 are allowed"),
        ("ä" * 32, "label ääääääääääääääääääää… has 64 octets, 63 are allowed"),
        ("_dns.ns", "label '_dns' begins with _, which is reserved"),
        ("a._explain", "label '_explain' begins with _, which is reserved"),
        ("a.*", "'a.*': * must be the whole first label"),
        ("*a.ns", "'*a.ns': * must be the whole first label"),
        ("*.*.ns", "'*.*.ns': * must be the whole first label"),
        ("A.ns", "label 'A' has characters that a host may not have"),
        ("-a.ns", "label '-a' has characters that a host may not have"),
        ("a-.ns", "label 'a-' has characters that a host may not have"),
        ("a_b.ns", "label 'a_b' has characters that a host may not have"),
        ("a\n.ns", "label 'a\\n' has characters that a host may not have"),
        ("ä.ns", "label 'ä' has characters that a host may not have"),
    ],
)
def test_what_cannot_be_a_name_in_a_zone_is_refused_with_what_is_wrong(host, reason):
    with pytest.raises(InvalidHost) as caught:
        check_host(Host(host), "global")
    assert str(caught.value) == reason


def test_a_name_has_255_octets_on_the_wire_with_its_zone_and_no_more():
    longest = ".".join(["a" * 63] * 3 + ["b" * 54])
    wire = b"".join(bytes([len(one)]) + one.encode() for one in f"{longest}.global".split("."))
    assert len(wire + b"\0") == 255
    check_host(Host(longest), "global")
    with pytest.raises(InvalidHost, match="has 256 octets, a name may have 255"):
        check_host(Host(f"{longest}b"), "global")
    with pytest.raises(InvalidHost, match="has 256 octets"):
        check_host(Host(longest), "globals")
    with pytest.raises(InvalidHost, match="has 260 octets"):
        check_host(Host(".".join(["ä" * 31] * 4)), "global")


@given(st.text("ab-._*A", max_size=8))
@example("*")
def test_a_host_is_what_the_rules_of_rfc_1123_and_4592_say(host):
    assume(host != "")
    label = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    is_host = re.fullmatch(rf"(\*|{label})(\.{label})*", host) is not None
    try:
        check_host(Host(host), "global")
    except InvalidHost:
        assert not is_host
    else:
        assert is_host


@pytest.mark.parametrize(
    ("host", "wildcard", "namespace", "service"),
    [
        ("reviews.bookinfo", False, "bookinfo", True),
        ("*.apps", True, "apps", False),
        ("*", True, "*", False),
        ("pay", False, "pay", False),
        ("v1.reviews.bookinfo", False, "bookinfo", False),
        ("*a.apps", False, "apps", True),
        ("a.*", False, "*", True),
        ("", False, "", False),
    ],
)
def test_a_host_is_told_by_its_shape(host, wildcard, namespace, service):
    assert is_wildcard(Host(host)) is wildcard
    assert namespace_of(Host(host)) == namespace
    assert is_service_host(Host(host)) is service
