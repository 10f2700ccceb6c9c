"""The keys of what a cluster's own DNS is told."""

from __future__ import annotations

from globaldns.config.schema import Zone
from globaldns.config.stub import ForeignNames, StubSettings
from globaldns.coredns.stub import Foreign


def test_without_any_all_of_the_zones_is_ours(files):
    assert files.read(files.minimal).stub == StubSettings()


def test_they_are_read(files):
    stub = files.read(f"{files.minimal}stub: {{reverse: true, cache: 0s}}").stub
    assert (stub.reverse, stub.cache, stub.force_tcp) == (True, 0, False)


def test_each_zone_has_its_own_policy(files):
    text = "zones: [{name: global, foreign: fallthrough, namespaces: [shop, pay]}, mesh.example]"
    assert files.read(f"{files.minimal}{text}").zones == (
        Zone(name="global", foreign=ForeignNames.FALLTHROUGH, namespaces=("shop", "pay")),
        Zone(name="mesh.example"),
    )


def test_a_policy_of_all_zones_is_told_where_to_stand(files):
    hint = "(fix: each zone has its own: zones: [{name: global, "
    assert files.problems_with("stub: {foreign: fallthrough, namespaces: [shop]}") == [
        f"$.stub.foreign (line 4): unknown key {hint}foreign: …}}])",
        f"$.stub.namespaces (line 4): unknown key {hint}namespaces: […]}}])",
    ]


def test_a_namespace_of_a_zone_is_listed_once(files):
    assert files.problems_with("zones: [a, {name: b, namespaces: [x, y, x]}, {name: c}]") == [
        "$.zones[1].namespaces[2] (line 4): 'x' is listed twice"
    ]


def test_a_cache_keeps_nothing_for_longer_than_an_hour(files):
    assert "$.stub.cache" in files.problems_with("stub: {cache: 2h}")[0]


def test_the_words_for_foreign_names_are_those_that_are_rendered():
    assert [one.value for one in ForeignNames] == [one.value for one in Foreign]


def test_it_is_kept_where_there_is_an_api_server(files):
    ledger = "vips: {ledger: {kubernetes: {}}}\n"
    api = f"cluster: east\nclusters: {{east: {{source: {{kubernetes: {{}}}}}}}}\n{ledger}"
    assert files.read(f"{api}stub: {{manage: true}}").stub.manage
    (problem,) = files.problems_with("stub: {manage: true}")
    assert "$.stub.manage" in problem
    assert "read from a directory" in problem
