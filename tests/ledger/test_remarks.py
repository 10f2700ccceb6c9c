"""What is odd about objects in our ledger's place, told once and shown while it stands."""

from __future__ import annotations

import pytest

from globaldns.ledger.remarks import Remark, Remarks
from globaldns.model.finding import Finding, Severity

ODD = Remark("has a name that no part of a ledger has", "delete it", Severity.ERROR)
OTHER = Remark("was written by kubectl too", "look")


def test_what_stands_is_found_and_what_is_new_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    remarks = Remarks("east")
    for remark in (ODD, ODD, OTHER, ODD):
        remarks.note("own-001", remark)
    assert [getattr(one, "reason", "") for one in caplog.records] == [
        *(ODD.reason, OTHER.reason, ODD.reason)
    ]
    assert remarks.findings() == (
        Finding(
            *(Severity.ERROR, "ledger-object", ODD.reason),
            object="VIPLedger own-001",
            hint="delete it",
            cluster="east",
        ),
    )
    remarks.note("own-001", None)
    remarks.note("own-002", None)
    assert remarks.findings() == ()


def test_what_is_not_there_any_more_is_forgotten() -> None:
    remarks = Remarks("east")
    for name in ("b", "a", "c"):
        remarks.note(name, ODD)
    remarks.keep({"a", "b"})
    assert [one.object for one in remarks.findings()] == ["VIPLedger a", "VIPLedger b"]
