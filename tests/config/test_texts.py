"""What each type of text is called, how it is read and how it is shown."""

from __future__ import annotations

import re

import pytest

from globaldns.config import schema
from globaldns.config.texts import TEXTS
from globaldns.errors import InvalidValue


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        (
            "dns: {listen: [x]}",
            (
                "$.dns.listen[0] (line 4): 'x' is no address:port"
                " (fix: write it like 127.0.0.1:1053 or [::1]:1053)"
            ),
        ),
        (
            'dns: {listen: ["::1:53"]}',
            (
                "$.dns.listen[0] (line 4): '::1:53' is no address:port"
                " (fix: write an IPv6 address in brackets, like [::1]:1053)"
            ),
        ),
        (
            'dns: {listen: ["*:53"]}',
            (
                "$.dns.listen[0] (line 4): '*:53' is no address:port"
                " (fix: for every address write 0.0.0.0:53 and [::]:53)"
            ),
        ),
        ("grace: 30", "$.grace (line 4): 30 has no unit (fix: write 30s)"),
        ("grace: soon", "$.grace (line 4): 'soon' is no duration"),
        ("dns: {ttl: 1500ms}", "$.dns.ttl (line 4): '1500ms' is no whole number of seconds"),
        ("dns: {udp_payload: 64kB}", "$.dns.udp_payload (line 4): '64kB' is no size"),
        ("dns: {advertise: [ns1]}", "$.dns.advertise[0] (line 4): 'ns1' is no IP address"),
        ("admin: {listen: localhost:80}", "$.admin.listen (line 4): 'localhost:80' is no address"),
        ("zones: [.]", "$.zones[0].name (line 4): the root cannot be a zone of ours"),
        ("zones: [a b]", "$.zones[0].name (line 4): 'a b' is no domain name"),
        ("vips: {pools: [240.0.0.1/10]}", "$.vips.pools[0] (line 4): '240.0.0.1/10' is no CIDR"),
        ("dns: {nameserver: a.b}", "$.dns.nameserver (line 4): 'a.b' is no label"),
        ("vips: {ledger: {sqlite: a/b}}", "$.vips.ledger.sqlite (line 4): 'a/b' is no file name"),
        ("exports: {annotation: /x}", "$.exports.annotation (line 4): '/x' is no annotation key"),
    ],
)
def test_a_wrong_text_is_one_problem_with_place_value_and_remedy(files, added, problem):
    (found,) = files.problems_with(added)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        (
            "{east: {source: {directory: e}, gateways: [{address: 1.2.3}]}}",
            "$.clusters.east.gateways[0].address (line 2): '1.2.3' is no IP address",
        ),
        (
            "{east: {source: {directory: e}, allow: {hosts: ['[a].global']}}}",
            "$.clusters.east.allow.hosts[0] (line 2): '[a].global' is no pattern",
        ),
    ],
)
def test_a_wrong_text_of_a_cluster_is_one_problem(files, clusters, problem):
    (found,) = files.problems(f"cluster: east\nclusters: {clusters}\n")
    assert found.startswith(problem)


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_the_example_of_a_text_is_one(kind):
    text = TEXTS[kind]
    assert text.parse(text.example)
    assert not text.blank


@pytest.mark.parametrize("kind", [kind for kind, text in TEXTS.items() if text.pattern], ids=str)
def test_what_is_longer_than_its_example_by_a_line_is_refused(kind):
    with pytest.raises(InvalidValue):
        TEXTS[kind].parse(f"{TEXTS[kind].example}\n")


ACCEPTED = [
    (schema.ClusterId, ["a", "East-1_b.c", "a" * 63]),
    (schema.NetworkId, ["", "n1", "a" * 63]),
    (schema.Label, ["a", "a-1", "1", "a" * 63]),
    (schema.Pattern, ["*", "team-?", "*.tenants.global", "_dns", "a" * 253]),
    (schema.QualifiedName, ["export", "globaldns.io/export", "a.b/C_d.e", "a/" + "b" * 63]),
    (schema.FileName, ["a", "_a", "ledger.db", "a" * 128]),
    (schema.ShortText, ["", " ", "pod 1 ~", "a" * 64]),
]
REFUSED = [
    (schema.ClusterId, ["", "-a", "a.", "a" * 64, "a/b", "ä"]),
    (schema.NetworkId, ["-n", "a" * 64]),
    (schema.Label, ["", "A", "-a", "a-", "a.b", "a_b", "a" * 64]),
    (schema.Pattern, ["", "A", "[a]", "a b", "a" * 254]),
    (schema.QualifiedName, ["", "/a", "a/", "a/b/c", "A.b/c", "a/" + "b" * 64]),
    (schema.FileName, ["", ".", "..", ".a", "-a", "a/b", "a" * 129]),
    (schema.ShortText, ["ä", "a\tb", "\x7f", "a" * 65]),
]


@pytest.mark.parametrize(
    ("kind", "texts"), ACCEPTED, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_text_of_its_syntax_is_taken_as_it_stands(kind, texts):
    text = TEXTS[kind]
    for one in texts:
        assert text.parse(one) == one
        assert re.search(text.pattern, one)


@pytest.mark.parametrize(
    ("kind", "texts"), REFUSED, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_text_of_another_syntax_is_refused_with_a_way_to_write_it(kind, texts):
    text = TEXTS[kind]
    for one in texts:
        assert not re.search(text.pattern, one)
        with pytest.raises(InvalidValue, match=f"is no {text.noun}$") as caught:
            text.parse(one)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "blank"),
    [(schema.Seconds, 0.0), (schema.WholeSeconds, 0), (schema.Octets, 0), (schema.Cidr, "")],
)
def test_the_blank_of_a_text_has_the_type_of_its_values(kind, blank):
    found = TEXTS[kind].blank
    assert (found, type(found)) == (blank, type(blank))


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (schema.Seconds, 0.25, "250ms"),
        (schema.WholeSeconds, 86400, "1d"),
        (schema.Octets, 4096, "4KiB"),
        (schema.Label, "ns", "ns"),
    ],
)
def test_a_default_is_shown_as_the_file_would_write_it(kind, value, shown):
    assert TEXTS[kind].show(value) == shown
