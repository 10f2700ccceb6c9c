"""The ledger itself: verified, written out, read back."""

import json

import pytest

from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Marker, format_claim, parse_claims
from globaldns.model.view import ClaimSet

LINE = "reviews.bookinfo 240.128.7.7 2026-01-02T03:04:05Z east given - -"
(COPIED,) = parse_claims("away.ns 240.128.9.9 2026-01-02T03:04:05Z west given - -")


def claims_of(mesh):
    ledger = SqliteLedger.open_reading(mesh.state / "ledger.db", is_held=False)
    with ledger:
        return ledger.claims()


@pytest.mark.usefixtures("remembered")
def test_a_whole_ledger_has_no_findings(command):
    printed = command("vip", "verify")
    assert printed.exit_code == 0
    assert printed.stdout == "0 errors, 0 warnings in 1 file\n"


@pytest.mark.usefixtures("remembered")
def test_a_contradiction_is_found(command):
    twice = LINE.replace("7.7", "7.8")
    assert command("vip", "import", "-", stdin=f"{LINE}\n{twice}\n").exit_code == 0
    printed = command("vip", "verify")
    assert printed.exit_code == 3
    assert "[host-numbered-twice]" in printed.stdout
    assert json.loads(command("vip", "verify", "-o", "json").stdout)[0]["severity"] == "error"


def test_no_ledger_is_nothing_wrong(command):
    printed = command("vip", "verify")
    assert (printed.exit_code, printed.stdout) == (0, "")
    assert "no ledger yet" in printed.stderr


def test_a_damaged_ledger_is_an_error_with_the_repair(command, remembered):
    (remembered.state / "ledger.db").write_bytes(b"no ledger" * 1000)
    printed = command("vip", "verify")
    assert printed.exit_code == 1
    assert "hint: " in printed.stderr


def test_the_export_is_every_claim_and_says_whose_it_is(command, remembered):
    printed = command("vip", "export").stdout
    assert printed.startswith("# ledger ")
    assert "of cluster east" in printed.splitlines()[0]
    assert sorted(parse_claims(printed)) == sorted(claims_of(remembered))


@pytest.mark.usefixtures("remembered")
def test_the_export_is_a_value_for_programs(command):
    document = json.loads(command("vip", "export", "-o", "json").stdout)
    assert document["marker"]["id"]
    assert {claim["host"] for claim in document["claims"]} == {
        "httpbin.httpbin",
        "reviews.bookinfo",
    }


def test_where_there_is_no_ledger_an_export_fails(command):
    printed = command("vip", "export")
    assert (printed.exit_code, printed.stdout) == (1, "")
    assert "hint: globaldns serve begins one" in printed.stderr


def test_what_was_exported_makes_the_same_ledger_again(command, remembered, tmp_path):
    before = claims_of(remembered)
    backup = tmp_path / "claims"
    backup.write_text(command("vip", "export").stdout)
    for file in remembered.state.glob("ledger.db*"):
        file.unlink()
    printed = command("vip", "import", backup)
    assert printed.stdout == f"{len(before)} claims read, {len(before)} new or changed\n"
    assert claims_of(remembered) == before


@pytest.fixture
def copied(remembered):
    """The example, whose ledger has a copy of another's."""
    with SqliteLedger.open(remembered.state / "ledger.db") as ledger:
        ledger.copy("west", ClaimSet(), ClaimSet(Marker("w", 1), (COPIED,)))
    return remembered


def test_what_another_cluster_keeps_is_exported_for_the_day_when_both_are_lost(
    command, copied, tmp_path
):
    backup = tmp_path / "claims"
    backup.write_text(command("vip", "export").stdout)
    assert format_claim(COPIED) in backup.read_text()
    before = claims_of(copied)
    assert " 0 new or changed" in command("vip", "import", backup).stdout
    assert claims_of(copied) == before
    for file in copied.state.glob("ledger.db*"):
        file.unlink()
    assert f" {len(before) + 1} new or changed" in command("vip", "import", backup).stdout
    assert set(claims_of(copied)) == {*before, COPIED}


@pytest.mark.usefixtures("remembered")
def test_what_is_known_already_is_not_new(command):
    exported = command("vip", "export").stdout
    printed = command("vip", "import", "-", "-o", "json", stdin=exported)
    assert json.loads(printed.stdout)["new"] == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a b", "line 2: 2 fields"),
        (LINE.replace("240.128.7.7", "somewhere"), "is no IP address"),
        (LINE.replace("given", "wished"), "is no kind of claim"),
        (LINE.replace("reviews", "Re_views"), "characters that a host may not have"),
        (LINE.replace("240.128.7.7", "127.0.0.1"), "lies in 127.0.0.0/8, loopback"),
        (LINE.replace("240.128.7.7", "ff02::1"), "lies in ff00::/8, multicast"),
        (LINE.replace("east", ""), "names no cluster"),
        (LINE.replace("- -", "2025-01-01T00:00:00Z withdrawn"), "ends before it begins"),
        (LINE.replace("2026", "2096"), "lies in the future"),
    ],
)
def test_one_line_that_cannot_be_keeps_all_others_out(command, remembered, line, reason):
    before = claims_of(remembered)
    printed = command("vip", "import", "-", stdin=f"{LINE}\n{line}\n")
    assert printed.exit_code == 1
    assert reason in printed.stderr
    assert claims_of(remembered) == before


def test_all_claims_that_cannot_be_are_listed_up_to_a_screen(command):
    bad = "".join(LINE.replace("2026", str(year)) + "\n" for year in range(2070, 2100))
    lines = command("vip", "import", "-", stdin=bad).stderr.splitlines()
    assert sum("lies in the future" in line for line in lines) == 20
    assert "  and 10 more" in lines


def test_a_file_that_is_no_text_is_refused(command, tmp_path):
    (tmp_path / "claims").write_bytes(b"\xff\xfe\x00")
    printed = command("vip", "import", tmp_path / "claims")
    assert printed.exit_code == 1
    assert "it is no text" in printed.stderr


def test_a_file_that_is_missing_is_a_usage_error(command, tmp_path):
    assert command("vip", "import", tmp_path / "nothing").exit_code == 2


def test_a_running_server_takes_the_claims_itself(command, control, mesh):
    printed = command("vip", "import", "-", stdin=f"{LINE}\n")
    assert printed.stdout == "1 claim read, 1 new or changed\n"
    assert control.claims == list(parse_claims(LINE))
    assert not (mesh.state / "ledger.db").exists()


@pytest.mark.parametrize("text", ["", "# nothing here\n"])
def test_a_file_without_claims_does_not_begin_a_ledger(command, remembered, tmp_path, text):
    for file in remembered.state.glob("ledger.db*"):
        file.unlink()
    (tmp_path / "claims").write_text(text)
    printed = command("vip", "import", tmp_path / "claims")
    assert printed.exit_code == 1
    assert "has no claims: nothing is imported" in printed.stderr
    assert "--new-ledger" in printed.stderr
    assert not list(remembered.state.glob("ledger.db*"))


def test_a_file_that_was_cut_is_refused(command, remembered, tmp_path):
    exported = command("vip", "export").stdout.splitlines(keepends=True)
    (tmp_path / "claims").write_text("".join(exported[:-1]))
    printed = command("vip", "import", tmp_path / "claims")
    assert printed.exit_code == 1
    assert f"its head says {len(claims_of(remembered))}" in printed.stderr
