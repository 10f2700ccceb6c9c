"""What each type of text is called, how it is read and how it is shown."""

from __future__ import annotations

import pytest

from globaldns.config import kinds
from globaldns.config.patterns import is_match
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
        (
            "exports: {annotation: /x}",
            "$.exports.annotation (line 4): '/x' is no label or annotation",
        ),
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


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_what_is_longer_than_its_example_by_a_line_is_refused(kind):
    with pytest.raises(InvalidValue):
        TEXTS[kind].parse(f"{TEXTS[kind].example}\n")


ACCEPTED = [
    (kinds.IpAddress, ["192.0.2.1", "::", "2001:db8::1"]),
    (kinds.Cidr, ["240.128.0.0/10", "fd67:6c6f::/64", "0.0.0.0/0"]),
    (kinds.ZoneName, ["global", "a-b.c", "1"]),
    (kinds.AddressOrName, ["203.0.113.1", "2001:db8::1", "gw-1.example.com"]),
    (kinds.ListenAddress, ["127.0.0.1:0", "[::1]:1053"]),
    (kinds.ClusterId, ["a", "East-1_b.c", "a" * 63]),
    (kinds.NetworkId, ["", "n1", "a" * 63]),
    (kinds.Locality, ["", "eu", "eu-1/eu-1a", "r/z/s"]),
    (kinds.Label, ["a", "a-1", "1", "a" * 63]),
    (kinds.Pattern, ["*", "team-?", "*.tenants.global", "_dns", "a" * 253]),
    (kinds.QualifiedName, ["export", "globaldns.io/export", "a.b/C_d.e", "a/" + "b" * 63]),
    (kinds.FileName, ["a", "_a", "ledger.db", "a" * 128]),
    (kinds.ShortText, ["", " ", "pod 1 ~", "a" * 64]),
]
REFUSED = [
    (kinds.ClusterId, ["", "-a", "a.", "a" * 64, "a/b", "ä"]),
    (kinds.NetworkId, ["-n", "a" * 64]),
    (kinds.Locality, ["/", "r/", "a b", "r/z/s/t"]),
    (kinds.Label, ["", "A", "-a", "a-", "a.b", "a_b", "a" * 64]),
    (kinds.Pattern, ["", "A", "[a]", "a b", "a" * 254]),
    (kinds.QualifiedName, ["", "/a", "a/", "a/b/c", "A.b/c", "a/" + "b" * 64]),
    (kinds.FileName, ["", ".", "..", ".a", "-a", "a/b", "a" * 129]),
    (kinds.ShortText, ["ä", "a\tb", "\x7f", "a" * 65]),
]


@pytest.mark.parametrize(
    ("kind", "texts"), ACCEPTED, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_text_of_its_syntax_is_taken_as_it_stands(kind, texts):
    text = TEXTS[kind]
    for one in texts:
        assert text.parse(one) == one
        assert is_match(one, text.patterns)


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        (kinds.IpAddress, "2001:DB8::0001", "2001:db8::1"),
        (kinds.Cidr, "FD00::1", "fd00::1/128"),
        (kinds.ZoneName, "Mesh.Example.", "mesh.example"),
        (kinds.AddressOrName, "GW.Example.", "gw.example"),
        (kinds.ListenAddress, "[::0001]:053", "[::1]:53"),
        (kinds.Workers, "auto", 0),
        (kinds.Octets, "64KiB", 65536),
        (kinds.Seconds, "1.5m", 90.0),
    ],
)
def test_what_is_read_into_something_shorter_is_of_its_syntax_too(kind, written, read):
    assert TEXTS[kind].parse(written) == read
    assert is_match(written, TEXTS[kind].patterns)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kinds.IpAddress, "ns1"),
        (kinds.IpAddress, "192.0.2.1/32"),
        (kinds.Cidr, "x"),
        (kinds.Cidr, "10.0.0.0/8/8"),
        (kinds.Cidr, "10.0.0.0/33"),
        (kinds.Cidr, "10.0.0.0/255.0.0.0"),
        (kinds.Cidr, "fd00::/129"),
        (kinds.Seconds, "1.0005s"),
        (kinds.WholeSeconds, "0.001h"),
        (kinds.ZoneName, "a b"),
        (kinds.ZoneName, "."),
        (kinds.AddressOrName, "http://gw"),
        (kinds.ListenAddress, "localhost:53"),
    ],
)
def test_junk_is_not_of_the_syntax_either(kind, text):
    assert not is_match(text, TEXTS[kind].patterns)
    with pytest.raises(InvalidValue):
        TEXTS[kind].parse(text)


@pytest.mark.parametrize(
    ("kind", "texts"), REFUSED, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_text_of_another_syntax_is_refused_with_a_way_to_write_it(kind, texts):
    text = TEXTS[kind]
    for one in texts:
        assert not is_match(one, text.patterns)
        with pytest.raises(InvalidValue, match=f"is no {text.noun}$") as caught:
            text.parse(one)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "blank"),
    [(kinds.Seconds, 0.0), (kinds.WholeSeconds, 0), (kinds.Octets, 0), (kinds.Cidr, "")],
)
def test_the_blank_of_a_text_has_the_type_of_its_values(kind, blank):
    found = TEXTS[kind].blank
    assert (found, type(found)) == (blank, type(blank))


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (kinds.Seconds, 0.25, "250ms"),
        (kinds.WholeSeconds, 86400, "1d"),
        (kinds.Octets, 4096, "4KiB"),
        (kinds.Label, "ns", "ns"),
    ],
)
def test_a_default_is_shown_as_the_file_would_write_it(kind, value, shown):
    assert TEXTS[kind].show(value) == shown
