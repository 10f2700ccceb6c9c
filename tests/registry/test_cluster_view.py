"""How far what a view lacks is known to be gone, by how its source stands."""

from __future__ import annotations

import pytest

from globaldns.model.view import Doubt, Freshness, SourceState
from globaldns.registry.cluster_view import ClusterView
from tests.registry.mesh import claim

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
REMEMBERED, WAITING = SourceState.REMEMBERED, SourceState.WAITING
CONTACT = 10
OLD, NEW = (claim("a.ns", "240.128.0.7", at) for at in (CONTACT - 1, CONTACT))


@pytest.mark.parametrize(
    ("state", "doubt", "old", "new"),
    [
        (WAITING, Doubt.NONE, "offered", "offered"),
        (REMEMBERED, Doubt.NONE, "offered", "offered"),
        (SYNCED, Doubt.NONE, "ended", "ended"),
        (SYNCED, Doubt.YOUNG, "offered", "offered"),
        (SYNCED, Doubt.PARTIAL, "offered", "offered"),
        (SILENT, Doubt.NONE, "ended", "offered"),
        (SILENT, Doubt.YOUNG, "offered", "offered"),
        (SILENT, Doubt.PARTIAL, "offered", "offered"),
    ],
)
def test_what_was_claimed_before_and_after_the_last_contact_may_be_offered_or_has_ended(
    state: SourceState, doubt: Doubt, old: str, new: str
) -> None:
    view = ClusterView("east")
    view.freshness = Freshness("east", state, CONTACT, doubt=doubt, zones=("global",))
    assert not view.has_ended(OLD), "it has not spoken"
    view.has_spoken = True
    for one, expected in ((OLD, old), (NEW, new)):
        assert view.may_offer(one) is (expected == "offered")
        assert view.has_ended(one) is (expected == "ended")


@pytest.mark.parametrize(
    ("state", "contact", "since"),
    [
        (SYNCED, CONTACT, None),
        (REMEMBERED, CONTACT, None),
        (SILENT, CONTACT, CONTACT),
        (SILENT, None, 0),
    ],
)
def test_a_cluster_that_does_not_answer_is_unheard_since_its_last_contact(
    state: SourceState, contact: int | None, since: int | None
) -> None:
    view = ClusterView("east")
    view.freshness = Freshness("east", state, contact)
    assert view.unheard_since == since
