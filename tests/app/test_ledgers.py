"""The ledger as a command without a server reads it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from globaldns.app.ledgers import read_claims, verify_ledger
from globaldns.config.schema import Config
from globaldns.errors import LedgerDamaged, LedgerError
from globaldns.ledger.opening import MARKER
from globaldns.model.view import ClaimSet
from tests.app.meshes import START, Place
from tests.registry.mesh import claim, ledger

CLAIM = claim("a.ns", "240.128.0.7", START)
COPIED = claim("b.ns", "240.128.0.8", START, "west")
FORMER = claim("c.ns", "240.128.0.9", START, "west")
READERS: list[Callable[[Config], object]] = [read_claims, verify_ledger]
each_reader = pytest.mark.parametrize("read", READERS)


@each_reader
def test_where_there_has_never_been_a_ledger_there_is_none_and_none_is_made(
    read: Callable[[Config], object], place: Place
) -> None:
    before = place.files()
    assert read(place.config) is None
    assert place.files() == before
    assert not place.state.path.exists()


@each_reader
def test_reading_changes_nothing(read: Callable[[Config], object], place: Place) -> None:
    place.remember(CLAIM)
    before = place.files()
    assert read(place.config) is not None
    assert place.files() == before


def test_all_that_it_says_is_read(place: Place) -> None:
    place.remember(CLAIM)
    found = read_claims(place.config)
    assert found is not None
    assert found.claims == (CLAIM,)
    assert found.marker.created == START
    assert found.copies == {}


def test_what_it_has_copied_is_read_and_everything_is_both(place: Place) -> None:
    ended = COPIED.retire(START + 9, "dropped")
    place.remember(CLAIM, ended)
    said = ledger("west", COPIED, FORMER)
    with place.open_ledger() as file:
        file.copy("west", ClaimSet(), said)
    found = read_claims(place.config)
    assert found is not None
    assert found.copies == {"west": said}
    assert sorted(found.everything) == sorted([CLAIM, COPIED, FORMER])


def test_it_is_read_beside_the_server_that_writes_it(place: Place) -> None:
    place.state.lock(START)
    with place.open_ledger() as ledger:
        ledger.write([CLAIM])
        found = read_claims(place.config)
    place.state.unlock()
    assert found is not None
    assert found.claims == (CLAIM,)


def test_a_sound_ledger_has_no_findings(place: Place) -> None:
    place.remember(CLAIM)
    assert verify_ledger(place.config) == ()


def test_what_cannot_be_true_is_found(place: Place) -> None:
    place.remember(CLAIM, claim("a.ns", "240.128.0.8", START))
    found = verify_ledger(place.config) or ()
    assert [(one.code, one.file) for one in found] == [
        ("host-numbered-twice", str(place.state.path / "ledger.db"))
    ]


def lose(place: Place) -> None:
    (place.state.path / "ledger.db").unlink()
    assert MARKER in place.state.names()


def damage(place: Place) -> None:
    (place.state.path / "ledger.db").write_bytes(b"x" * 8192)


def serve_another(place: Place) -> None:
    place.configure(cluster="west")


@each_reader
@pytest.mark.parametrize(
    ("spoil", "kind", "reason"),
    [
        (lose, LedgerError, "it is lost"),
        (damage, LedgerDamaged, "it is damaged"),
        (serve_another, LedgerError, "it is the ledger of cluster east"),
    ],
)
def test_a_ledger_that_cannot_be_used_is_refused_with_its_repair(
    read: Callable[[Config], object],
    spoil: Callable[[Place], None],
    kind: type[LedgerError],
    reason: str,
    place: Place,
) -> None:
    place.remember(CLAIM)
    spoil(place)
    before = place.files()
    with pytest.raises(kind, match=reason) as caught:
        read(place.config)
    assert caught.value.hint
    assert place.files() == before


def test_the_file_is_the_one_that_the_configuration_names(place: Place) -> None:
    place.remember(CLAIM)
    place.configure(vips={"ledger": {"sqlite": "other.db"}})
    with pytest.raises(LedgerError, match=r"other\.db: it is lost"):
        read_claims(place.config)
