from __future__ import annotations

import pytest

from globaldns.app.readiness import Standing, reasons
from globaldns.model.view import Freshness, SourceState

READ = Freshness("east", SourceState.SYNCED, 1)
WAITING = Freshness("west", SourceState.WAITING)
REMEMBERED = Freshness("north", SourceState.REMEMBERED, 1, "its directory holds no manifest")
SILENT = Freshness("south", SourceState.SILENT, 1, "gone")
DRAINING = "draining: it stops soon"


@pytest.mark.parametrize(
    ("sources", "settled", "numbered", "found"),
    [
        ([READ], True, True, []),
        ([READ, SILENT, WAITING], True, True, []),
        ([READ], True, False, ["ledger: the first numbers are being written"]),
        ([READ], False, False, ["names: being numbered"]),
        ([], False, False, ["names: being numbered"]),
        (
            [READ, WAITING, REMEMBERED, SILENT],
            False,
            False,
            [
                "source west: is being read",
                "source north: its directory holds no manifest",
                "source south: gone",
            ],
        ),
    ],
    ids=["all", "grace-over", "unnumbered", "unsettled", "no-sources", "unheard"],
)
@pytest.mark.parametrize("draining", [False, True], ids=["serving", "draining"])
def test_every_reason_why_it_should_get_no_queries_is_named(
    sources: list[Freshness],
    settled: bool,  # noqa: FBT001
    numbered: bool,  # noqa: FBT001
    found: list[str],
    draining: bool,  # noqa: FBT001
) -> None:
    standing = Standing(draining, settled, numbered, tuple(sources))
    assert list(reasons(standing)) == [*([DRAINING] if draining else []), *found]
