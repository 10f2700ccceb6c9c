"""Other clusters' ledgers, copied into a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from globaldns.app.copying import CopySeams, LedgerCopier
from globaldns.app.writing import LedgerThread
from globaldns.errors import LedgerError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Marker
from globaldns.model.view import ClaimSet
from tests.app.meshes import break_ledger
from tests.registry.mesh import claim, ledger

FIRST = ledger("west", claim("a.ns", "240.128.0.1", 1, "west"))
SECOND = ledger("west", claim("a.ns", "240.128.0.2", 2, "west"))


class Desk:
    """A ledger that gets copies, and what the other clusters say."""

    def __init__(self, path: Path) -> None:
        self.ledger = SqliteLedger.create(path, cluster="east", marker=Marker("m", 0))
        self.thread = LedgerThread(self.ledger, lambda: None)
        self.said: dict[str, ClaimSet] = {}
        self.told: list[str] = []
        self.copier = self.begin()

    def begin(self) -> LedgerCopier:
        """Return what a server that starts now copies with."""
        seams = CopySeams(
            said=lambda: self.said,
            begin=self._begin,
            acknowledge=lambda: self.told.append("copied"),
        )
        return LedgerCopier(self.thread, seams, self.ledger.copies())

    def _begin(self) -> Mapping[str, ClaimSet]:
        self.told.append("begun")
        return self.said


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    yield desk
    desk.thread.close()


async def test_what_is_said_is_copied_and_what_is_the_same_is_not_written(desk: Desk) -> None:
    desk.said = {"west": FIRST, "flat": ledger("flat")}
    await desk.copier.begin()()
    assert desk.ledger.copies() == desk.said
    break_ledger(desk.ledger)
    await desk.copier.begin()()
    assert desk.told == ["begun", "copied"] * 2


async def test_what_cannot_be_copied_is_not_acknowledged(desk: Desk) -> None:
    desk.said = {"west": FIRST}
    mend = break_ledger(desk.ledger)
    with pytest.raises(LedgerError):
        await desk.copier.begin()()
    assert desk.told == ["begun"]
    mend()
    await desk.copier.begin()()
    assert desk.told == ["begun", "begun", "copied"]
    assert desk.ledger.copies() == desk.said


async def test_it_is_behind_while_anything_is_said_that_is_not_copied(desk: Desk) -> None:
    assert not desk.copier.is_behind
    for said in (FIRST, SECOND):
        desk.said = {"west": said}
        assert desk.copier.is_behind
        await desk.copier.begin()()
        assert not desk.copier.is_behind


async def test_what_others_have_changed_is_copied_again_though_nothing_else_is_said(
    desk: Desk,
) -> None:
    desk.said = {"west": FIRST}
    await desk.copier.begin()()
    desk.thread.torn = {"nobody"}
    assert not desk.copier.is_behind
    desk.thread.torn = {"west"}
    break_ledger(desk.ledger)
    for said in ({"west": FIRST}, {}):
        desk.said = said
        assert desk.copier.is_behind
        with pytest.raises(LedgerError):
            await desk.copier.begin()()


async def test_a_new_run_begins_with_the_copies_of_the_last(desk: Desk) -> None:
    desk.said = {"west": FIRST}
    await desk.copier.begin()()
    again = desk.begin()
    assert again.is_behind
    desk.said = desk.ledger.copies()
    again = LedgerCopier(desk.thread, CopySeams(lambda: desk.said, dict, list), desk.said)
    assert not again.is_behind


async def test_what_is_forgotten_has_no_copy(desk: Desk) -> None:
    desk.said = {"west": FIRST, "flat": ledger("flat")}
    await desk.copier.begin()()
    del desk.said["west"]
    for cluster in ("west", "unknown"):
        await desk.copier.forget(cluster)
    assert desk.ledger.copies() == {"flat": ledger("flat")}
