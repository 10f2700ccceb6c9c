"""From plain values to sections: what each mistake is called, and what stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.checks import check
from globaldns.config.keys import element, entry, is_section, keys, unwrap
from globaldns.config.kinds import Cidr, Label, Octets, PortNumber, Seconds, Ttl, WholeSeconds
from globaldns.config.loading import inspect_text
from globaldns.config.reading import Reading, blank, place
from globaldns.config.schema import (
    Config,
    GatewayAddress,
    Limits,
    LogLevel,
    LostEndpoints,
    LostNames,
    Zone,
)
from globaldns.errors import InvalidValue


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        ("dsn: {}", "$.dsn (line 4): unknown key (fix: did you mean dns?)"),
        ("dns: {lisen: []}", "$.dns.lisen (line 4): unknown key (fix: did you mean listen?)"),
        (
            "vips: {ledger: {kubernetes: {}}}",
            "$.vips.ledger.kubernetes (line 4): our own cluster has no API server to keep it in",
        ),
        (
            'dns: {listen: "127.0.0.1:53"}',
            "$.dns.listen (line 4): '127.0.0.1:53' is no list (fix: write ['127.0.0.1:53'])",
        ),
        ("grace: 2h", "$.grace (line 4): 2h is too large (fix: at most 1h)"),
        ("dns: {ttl: 0s}", "$.dns.ttl (line 4): 0s is too small (fix: at least 1s)"),
        ("dns: {udp_payload: 64KiB}", "$.dns.udp_payload (line 4): 64KiB is too large"),
        ("dns: {explain: yes}", "$.dns.explain (line 4): 'yes' is not true or false"),
        ("dns: {nsid: 1.10}", '$.dns.nsid (line 4): 1.1 is no short text (fix: write "1.1"'),
        (
            "dns: {workers: true}",
            "$.dns.workers (line 4): true is no number of workers (fix: write 1 to 99, or auto)",
        ),
        (
            "dns: {listen: [53]}",
            "$.dns.listen[0] (line 4): 53 is no address:port (fix: for every address write",
        ),
        ("dns: {nameserver: 1}", '$.dns.nameserver (line 4): 1 is no label (fix: write "1" in'),
        ("dns: {chaos: hiden}", "$.dns.chaos (line 4): 'hiden' is none of hidden, version"),
        ("dns:", "$.dns (line 4): nothing is no mapping"),
        ("dns: {limits: {tcp_connections: true}}", "$.dns.limits.tcp_connections (line 4): true"),
        ("dns: {limits: {tcp_connections: 0}}", "$.dns.limits.tcp_connections (line 4): 0 is too"),
        ("log: {level: warn}", "$.log.level (line 4): 'warn' is none of debug, info, warning,"),
        ("zones: [{name: a, ttl: 3s}]", "$.zones[0].ttl (line 4): unknown key"),
        ("state: ~sam/x", "$.state (line 4): ~sam in '~sam/x' is unknown"),
    ],
)
def test_one_mistake_gives_one_problem_with_place_value_and_remedy(files, added, problem):
    (found,) = files.problems_with(added)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        ("[east]", "$.clusters (line 2): ['east'] is no mapping"),
        ("{east: {}}", "$.clusters.east.source (line 2): is missing"),
        ("{east: {source: {}}}", "$.clusters.east.source (line 2): is missing"),
        (
            "{east: {source: {directory: e}, gateways: [{address: 1.2.3.4, port: 70000}]}}",
            "$.clusters.east.gateways[0].port (line 2): 70000 is too large (fix: at most 65535)",
        ),
        (
            '{east: {source: {directory: e}}, "a.b": {source: {directory: 1}}}',
            '$.clusters["a.b"].source.directory (line 2): 1 is no path',
        ),
        (
            '{east: {source: {directory: e}}, "a/b": {source: {directory: e}}}',
            "$.clusters[\"a/b\"] (line 2): 'a/b' is no cluster id",
        ),
    ],
)
def test_one_mistake_in_the_clusters_gives_one_problem(files, clusters, problem):
    (found,) = files.problems(f"cluster: east\nclusters: {clusters}\n")
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        ("mesh", "'mesh' is no mapping (fix: {globaldns.io/export: on})"),
        (
            "{matchLabels: {mesh: east}}",
            (
                "{'mesh': 'east'} is no label value (fix: write what stands below matchLabels "
                "without it: {globaldns.io/export: on})"
            ),
        ),
        ("{'a b': east}", "'a b' is no label or annotation key"),
    ],
)
def test_labels_that_are_none_are_refused_with_the_way_they_are_written(files, selector, problem):
    east = f"{{source: {{directory: e}}, namespace_selector: {selector}}}"
    (found,) = files.problems(f"cluster: east\nclusters: {{east: {east}}}\n")
    assert problem in found


def read(kind, value):
    """Return a value as its type, and what is said of it."""
    reading = Reading(folder=Path("/etc"), home="/home/jo")
    result = reading.read(kind, value)
    return result, [f"{one.path}: {one.reason}" for one in reading.problems]


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (bool, False, False),
        (int, 7, 7),
        (PortNumber, 1, 1),
        (PortNumber, 65535, 65535),
        (Ttl, "1s", 1),
        (Ttl, "1d", 86400),
        (Octets, 1232, 1232),
        (Path, "a/b", Path("/etc/a/b")),
        (LogLevel, "info", LogLevel.INFO),
        (Zone, "Global", Zone(name="global")),
        (Zone, {"name": "global"}, Zone(name="global")),
        (tuple[Cidr, ...], [], ()),
        (tuple[Cidr, ...] | None, ["10.0.0.1"], ("10.0.0.1/32",)),
        (dict[Label, int], {"a": 1}, {"a": 1}),
        (GatewayAddress, {"address": "gw"}, GatewayAddress(address="gw")),
        (LostNames, "keep", LostNames()),
        (LostNames, "drop", LostNames(expire=0)),
        (LostNames, {"expire": "1h"}, LostNames(expire=3600)),
        (LostEndpoints, "demote", LostEndpoints(demote=0)),
        (LostEndpoints, {"demote": "1m", "expire": "1h"}, LostEndpoints(demote=60, expire=3600)),
    ],
)
def test_a_value_is_read_as_its_type(kind, value, result):
    assert read(kind, value) == (result, [])


@pytest.mark.parametrize(
    ("kind", "value", "stand_in", "problem"),
    [
        (bool, 1, False, "$: 1 is not true or false"),
        (bool, "true", False, "$: 'true' is not true or false"),
        (int, True, 0, "$: true is not a whole number"),
        (int, 1.0, 0, "$: 1.0 is not a whole number"),
        (int, None, 0, "$: nothing is not a whole number"),
        (PortNumber, 0, 0, "$: 0 is too small"),
        (Ttl, "86401s", 0, "$: 86401s is too large"),
        (Seconds, 30, 0.0, "$: 30 has no unit"),
        (Seconds, True, 0.0, "$: true is no duration"),
        (WholeSeconds, ["1s"], 0, "$: ['1s'] is no duration"),
        (Label, 1, "", "$: 1 is no label"),
        (Path, "", Path(), "$: '' is no path"),
        (Path, "a\0b", Path(), "$: 'a\\x00b' is no path"),
        (LogLevel, "loud", LogLevel.DEBUG, "$: 'loud' is none of debug, info, warning, error"),
        (LogLevel, [], LogLevel.DEBUG, "$: [] is none of debug, info, warning, error"),
        (tuple[Cidr, ...], "10.0.0.0/8", (), "$: '10.0.0.0/8' is no list"),
        (tuple[Cidr, ...] | None, None, (), "$: nothing is no list"),
        (tuple[Cidr, ...], ["::/0", "x"], ("::/0", ""), "$[1]: 'x' is no CIDR"),
        (dict[Label, int], [], {}, "$: [] is no mapping"),
        (dict[Label, int], {"a.b": 1}, {"": 1}, "$[\"a.b\"]: 'a.b' is no label"),
        (dict[Label, int], {"a": "b"}, {"a": 0}, "$.a: 'b' is not a whole number"),
        (Zone, 1, Zone(name=""), "$: 1 is no mapping"),
        (Zone, "a b", Zone(name=""), "$.name: 'a b' is no domain name"),
        (Zone, {}, Zone(name=""), "$.name: is missing"),
        (GatewayAddress, None, GatewayAddress(address=""), "$: nothing is no mapping"),
        (LostNames, "demote", LostNames(), "$: 'demote' is none of keep, drop, and no mapping"),
        (LostNames, ["drop"], LostNames(), "$: ['drop'] is no mapping"),
        (LostNames, {"expire": "0s"}, LostNames(expire=0), "$.expire: 0s is too small"),
        (Limits, {1: 2}, Limits(), '$["1"]: unknown key'),
    ],
)
def test_something_of_its_type_stands_in_for_a_value_that_cannot_be_used(
    kind, value, stand_in, problem
):
    result, problems = read(kind, value)
    assert (result, type(result)) == (stand_in, type(stand_in))
    assert problems == [problem]


def test_a_missing_key_says_what_it_is_for():
    reading = Reading(folder=Path("/"), home="")
    reading.read(Config, {"cluster": "east"})
    assert [str(problem) for problem in reading.problems] == [
        "$.clusters: is missing (fix: Every cluster of the mesh, our own included)"
    ]


def test_a_wrong_value_is_shown_on_one_short_line():
    _, (problem,) = read(int, "line\n" * 1000)
    assert problem.startswith(r"$: 'line\nline\n")
    assert problem.endswith("… is not a whole number")
    assert len(problem) < 100


@pytest.mark.parametrize(
    ("path", "home", "expected"),
    [
        ("a/b", "", "/etc/a/b"),
        ("../a", "", "/etc/../a"),
        ("/a", "", "/a"),
        (".", "", "/etc"),
        ("~", "/home/jo", "/home/jo"),
        ("~/a", "/home/jo", "/home/jo/a"),
        ("a/~", "", "/etc/a/~"),
    ],
)
def test_a_path_begins_at_the_file_or_at_home(path, home, expected):
    assert place(path, folder=Path("/etc"), home=home) == Path(expected)


@pytest.mark.parametrize(("path", "home"), [("~/a", ""), ("~sam/a", "/home/jo"), ("~~", "/")])
def test_a_home_that_is_unknown_wants_the_whole_path(path, home):
    with pytest.raises(InvalidValue, match="is unknown") as caught:
        place(path, folder=Path("/etc"), home=home)
    assert caught.value.hint == "write the whole path"


def names(section=Config):
    """Every name that means something anywhere in the file."""
    for key in keys(section):
        yield key.name
        kind, _ = unwrap(key.type)
        below = element(kind) or (entry(kind) or (None, kind))[1]
        if is_section(below):
            yield from names(below)


TEXTS = ["", "x", "east", "30s", "1d", "64KiB", "10.0.0.0/8", "::1", "127.0.0.1:53", "a.b", "info"]
SCALARS = st.none() | st.booleans() | st.integers(-1, 70000) | st.floats() | st.sampled_from(TEXTS)
NAMES = st.sampled_from([*names(), "unknown", "east", "a/b"]) | st.integers(0, 1)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6)
)


@given(st.dictionaries(NAMES, PLAIN, max_size=8) | PLAIN)
def test_whatever_a_file_holds_reading_ends_and_the_checks_can_go_on(value):
    reading = Reading(folder=Path("/"), home="")
    config = reading.read(Config, value)
    assert isinstance(config, Config)
    problems = [*reading.problems, *check(config)]
    assert all(one.path.startswith("$") and one.reason for one in problems)
    assert "\n" not in "".join(map(str, problems))


def test_a_blank_section_has_its_defaults_and_stand_ins_for_the_rest():
    config = blank(Config)
    assert (config.cluster, config.clusters) == ("", {})
    assert config.zones == (Zone(name="global"),)


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("grace: {}s", "$.grace"),
        ("grace: {}", "$.grace"),
        ("dns: {{udp_payload: {}}}", "$.dns.udp_payload"),
        ("dns: {{listen: ['127.0.0.1:{}']}}", "$.dns.listen[0]"),
        ("zones: {}", "$.zones"),
    ],
)
def test_a_number_without_an_end_is_a_problem_with_its_place(text, path, digits):
    document = "cluster: a\nclusters: {a: {source: {directory: x}}}\n" + text.format("9" * digits)
    loaded = inspect_text(document, folder=Path("/"), env={"HOME": "/"})
    assert [problem.path for problem in loaded.problems] == [path]
