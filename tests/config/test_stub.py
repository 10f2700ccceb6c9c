"""The keys of what a cluster's own DNS is told."""

from __future__ import annotations

from globaldns.config.stub import ForeignNames, StubSettings
from globaldns.coredns.stub import Foreign


def test_without_any_all_of_the_zones_is_ours(files):
    assert files.read(files.minimal).stub == StubSettings()


def test_they_are_read(files):
    text = "stub: {namespaces: [shop], foreign: fallthrough, reverse: true, cache: 0s}"
    stub = files.read(f"{files.minimal}{text}").stub
    assert stub.namespaces == ("shop",)
    assert stub.foreign is ForeignNames.FALLTHROUGH
    assert (stub.reverse, stub.cache, stub.force_tcp) == (True, 0, False)


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
