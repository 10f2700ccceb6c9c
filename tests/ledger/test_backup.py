from msgspec import structs

from globaldns.ledger.backup import KEPT, is_backup_due, newest_backup, write_backup
from globaldns.model.claim import Marker, format_claims, parse_claims

START = 1767323045
DAY = 86400
CLAIMS = parse_claims("""\
reviews.bookinfo 240.140.3.9 2026-01-02T03:04:05Z east given - -
old.bookinfo fd67::1 2026-01-02T03:04:05Z west pinned 2026-02-01T00:00:00Z unpinned
""")


def write(place, *, now=START, claims=CLAIMS, marker="m-1", **more):
    marker = Marker(marker, START)
    return write_backup(place.state, claims, cluster="east", marker=marker, now=now, **more)


def test_a_backup_is_the_claims_as_import_reads_them(place):
    assert write(place) == "backups/ledger-2026-01-02.claims"
    text = (place.state.path / "backups/ledger-2026-01-02.claims").read_text()
    assert text.startswith("# ledger m-1 of cluster east, created 2026-01-02T03:04:05Z\n")
    assert set(parse_claims(text)) == set(CLAIMS)


def test_its_lines_are_sorted_however_many_there_are(place):
    many = [structs.replace(CLAIMS[0], host=f"h{number % 2500}.ns") for number in range(7, 2507)]
    name = write(place, claims=many)
    _, _, *lines = (place.state.path / name).read_text().splitlines(keepends=True)
    assert "".join(lines) == format_claims(many)


def test_there_is_one_a_day(place):
    assert is_backup_due(place.state, Marker("m-1", START), START)
    assert write(place)
    assert not is_backup_due(place.state, Marker("m-1", START), START + 60)
    assert write(place, now=START + 60, claims=CLAIMS[:1]) is None
    assert write(place, now=START + DAY) == "backups/ledger-2026-01-03.claims"
    assert newest_backup(place.state) == place.state.path / "backups/ledger-2026-01-03.claims"


def test_a_ledger_without_claims_pushes_out_no_backup(place):
    assert write(place, claims=()) is None
    assert newest_backup(place.state) is None


def test_the_oldest_give_way_and_other_files_are_left_alone(place):
    place.state.write("backups/mine.txt", b"kept")
    for day in range(KEPT + 3):
        write(place, now=START + day * DAY)
    names = place.state.names("backups")
    assert len(names) == KEPT + 1
    assert names[0] == "backups/ledger-2026-01-05.claims"
    assert "backups/mine.txt" in names


def test_it_is_written_again_for_the_same_ledger_and_never_over_another_ones(place):
    name = write(place, claims=CLAIMS[:1])
    assert write(place, now=START + 60, again=True) == name
    assert set(parse_claims((place.state.path / name).read_text())) == set(CLAIMS)
    other = write(place, now=START + 120, claims=CLAIMS[:1], marker="m-2", again=True)
    assert other == "backups/ledger-2026-01-02_m-2.claims"
    assert set(parse_claims((place.state.path / name).read_text())) == set(CLAIMS)
    assert newest_backup(place.state) == place.state.path / other
    assert not is_backup_due(place.state, Marker("m-2", START), START + 180)
