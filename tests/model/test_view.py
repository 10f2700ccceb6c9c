from __future__ import annotations

import pytest

from globaldns.model.host import Host
from globaldns.model.view import (
    ClaimSet,
    Freshness,
    Put,
    Remove,
    Reset,
    SetFences,
    SetFreshness,
    SetGateways,
    SetLedger,
    SetPolicies,
    SourceState,
    View,
)
from tests.model.values import export


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (SourceState.WAITING, False),
        (SourceState.REMEMBERED, True),
        (SourceState.SYNCED, True),
        (SourceState.SILENT, True),
    ],
)
def test_a_view_is_known_unless_nothing_was_ever_read(state, expected):
    assert Freshness("west", state).is_known is expected


@pytest.mark.parametrize(
    "change",
    [
        Reset(View("west")),
        Put(export("west")),
        Remove("west", Host("a.b")),
        SetGateways("west", ()),
        SetLedger("west", ClaimSet()),
        SetPolicies("west", ()),
        SetFences("west", ()),
        SetFreshness(Freshness("west", SourceState.SYNCED)),
    ],
    ids=lambda change: type(change).__name__,
)
def test_every_change_names_its_cluster(change):
    assert change.cluster == "west"
