"""Every source is one for those who read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.kube.kubeconfig import Access
from globaldns.model.view import ClaimSet, SourceState
from globaldns.sources.awaited import AwaitedSource
from globaldns.sources.cluster import ApiSettings, ClusterSource
from globaldns.sources.directory import DirectorySource
from globaldns.sources.source import Source
from tests.sources.manifests import RULES

SOURCES: dict[str, Source] = {
    "directory": DirectorySource(Path("nowhere"), RULES, grace=0),
    "API server": ClusterSource(Access(), RULES, ApiSettings(None, 0)),
    "awaited": AwaitedSource(RULES, reason="nobody says how", remembered=None),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_that_was_never_read_knows_nothing_and_says_so(name: str) -> None:
    source = SOURCES[name]
    assert source.cluster == source.view().cluster == source.freshness.cluster == "east"
    assert source.freshness.state is SourceState.WAITING
    assert not source.freshness.is_heard
    assert source.view().exports == ()
    assert source.kept() == ClaimSet()
    assert [*source.refused()] == []
    assert not source.rejected()
    assert (source.uid, source.another) == ("", "")
    assert source.set_foreign_gateways(frozenset({"10.0.0.1"})) == []


@pytest.mark.parametrize(("name", "is_led"), [("directory", False), ("API server", True)])
def test_only_an_api_server_is_reached_another_way(
    name: str,
    is_led: bool,  # noqa: FBT001
) -> None:
    assert SOURCES[name].lead(Access(context="other")) is is_led
