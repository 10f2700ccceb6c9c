"""How far what a view lacks is known to be gone, by how its source stands."""

from __future__ import annotations

import pytest

from globaldns.model.view import Doubt, Freshness, SourceState
from globaldns.registry.cluster_view import ClusterView
from tests.registry.mesh import claim

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
REMEMBERED, WAITING = SourceState.REMEMBERED, SourceState.WAITING
KNOWN, UNHEARD = claim("a.ns", "240.128.0.7", 9), claim("b.ns", "240.128.0.8", 9)


@pytest.mark.parametrize(
    ("state", "doubt", "expected"),
    [
        (WAITING, Doubt.NONE, "offered"),
        (REMEMBERED, Doubt.NONE, "offered"),
        (SYNCED, Doubt.NONE, "ended"),
        (SYNCED, Doubt.YOUNG, "offered"),
        (SYNCED, Doubt.PARTIAL, "offered"),
        (SILENT, Doubt.NONE, "ended"),
        (SILENT, Doubt.YOUNG, "offered"),
        (SILENT, Doubt.PARTIAL, "offered"),
    ],
)
def test_what_a_view_lacks_may_be_offered_or_has_ended(
    state: SourceState, doubt: Doubt, expected: str
) -> None:
    view = ClusterView("east")
    view.freshness = Freshness("east", state, 10, doubt=doubt, zones=("global",))
    assert not view.has_ended(KNOWN), "it has not spoken"
    view.has_spoken, view.unheard = True, {UNHEARD.key}
    assert view.may_offer(KNOWN) is (expected == "offered")
    assert view.has_ended(KNOWN) is (expected == "ended")
    assert (view.may_offer(UNHEARD), view.has_ended(UNHEARD)) == (True, False)
