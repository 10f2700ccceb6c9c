"""A cluster's ledger is shown empty first, then as it grows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globaldns.demo.layout import Layout
from globaldns.demo.ledgers import LEDGER, SHOWN, ShownLedger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import parse_claims

LINES = (
    "reviews.bookinfo 240.140.3.9 2026-01-02T03:04:05Z east given - -\n"
    "mongodb.bookinfo 240.140.3.10 2026-01-02T03:04:05Z west given - -\n"
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.manifests("east").mkdir(parents=True)
    return layout


def shown(layout: Layout) -> str:
    spec = json.loads((layout.manifests("east") / SHOWN).read_text())["spec"]
    assert spec["cluster"] == "east"
    return str(spec["data"])


def test_it_is_begun_empty(layout: Layout) -> None:
    ShownLedger(layout, "east").begin(1_800_000_000)
    assert shown(layout) == ""


def test_what_is_its_own_is_shown_once(layout: Layout) -> None:
    ledger = ShownLedger(layout, "east")
    ledger.begin(1_800_000_000)
    assert not ledger.follow()
    with SqliteLedger.open(layout.state("east") / LEDGER) as written:
        written.write(parse_claims(LINES))
    assert ledger.follow()
    assert shown(layout) == LINES.splitlines(keepends=True)[0]
    assert not ledger.follow()
