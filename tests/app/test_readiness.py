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
    ("sources", "heard", "listed", "numbered", "found"),
    [
        ([READ], True, True, True, []),
        ([READ, SILENT, WAITING], True, True, True, []),
        ([READ], True, True, False, ["ledger: the first numbers are being written"]),
        ([READ, SILENT], True, False, False, []),
        ([READ], False, True, False, ["names: being numbered"]),
        ([], False, True, False, ["names: being numbered"]),
        (
            [READ, WAITING, REMEMBERED, SILENT],
            False,
            True,
            False,
            [
                "source west: is being read",
                "source north: its directory holds no manifest",
                "source south: gone",
            ],
        ),
    ],
    ids=["all", "grace-over", "unnumbered", "ledger-away", "unsettled", "no-sources", "unheard"],
)
@pytest.mark.parametrize("draining", [False, True], ids=["serving", "draining"])
def test_every_reason_why_it_should_get_no_queries_is_named(  # noqa: PLR0917
    sources: list[Freshness],
    heard: bool,  # noqa: FBT001
    listed: bool,  # noqa: FBT001
    numbered: bool,  # noqa: FBT001
    found: list[str],
    draining: bool,  # noqa: FBT001
) -> None:
    standing = Standing(draining, heard, listed, numbered, tuple(sources))
    assert list(reasons(standing)) == [*([DRAINING] if draining else []), *found]
