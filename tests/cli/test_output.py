"""What results look like."""

import io
import json

import pytest
import yaml

from globaldns.cli.output import (
    OutputFormat,
    Tone,
    format_age,
    format_row,
    format_table,
    measure,
    paint,
    print_event,
    print_structured,
    say,
    show_time,
    wrap_list,
)
from globaldns.model.claim import format_time
from globaldns.model.finding import Finding, Severity


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (12_000, "3h20m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (3 * 365 * 86400, "3y"),
    ],
)
def test_an_age_has_about_two_digits_as_kubectl_writes_it(seconds, text):
    assert format_age(seconds) == text


def test_a_time_is_shown_as_its_age_and_none_as_absent():
    assert show_time(format_time(1000), 1042) == "42s"
    assert show_time("", 1042) == "<none>"


def test_columns_are_aligned_and_lines_end_where_their_text_ends():
    assert format_table(("A", "LONGER"), [("value", "x"), ("", "")]) == (
        "A       LONGER\nvalue   x\n"
    )


def test_a_table_without_rows_is_its_columns():
    assert format_table(("A", "B"), []) == "A   B"


def test_a_later_row_fits_under_the_widths_of_the_first():
    assert format_row(("a", "b"), measure([("wide", "x")])) == "a      b"


@pytest.mark.parametrize(
    ("items", "text"),
    [((), "<none>"), (("a",), "a"), (("a", "b", "c"), "a,b,c"), (tuple("abcde"), "a,b,c,+2")],
)
def test_a_long_list_is_cut_and_counted(items, text):
    assert wrap_list(items) == text


def test_colour_is_for_terminals_and_for_those_who_want_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("error", Tone.BAD, stream=io.StringIO()) == "error"
    assert paint("error", Tone.BAD, stream=Terminal()) == "\x1b[31merror\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("error", Tone.BAD, stream=Terminal()) == "error"


FINDING = Finding(Severity.ERROR, "code", "ünwise")


@pytest.mark.parametrize(
    ("output", "read"), [(OutputFormat.JSON, json.loads), (OutputFormat.YAML, yaml.safe_load)]
)
def test_a_value_is_the_same_in_both_notations(capsys, output, read):
    print_structured({"findings": [FINDING]}, output)
    document = read(capsys.readouterr().out)
    assert document["findings"][0]["reason"] == "ünwise"
    assert document["findings"][0]["severity"] == "error"


def test_a_stream_of_json_has_a_line_per_value(capsys):
    print_event(FINDING, OutputFormat.JSON)
    print_event(FINDING, OutputFormat.JSON)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["code", "code"]


def test_a_stream_of_yaml_has_a_document_per_value(capsys):
    print_event(FINDING, OutputFormat.YAML)
    print_event(FINDING, OutputFormat.YAML)
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [document["code"] for document in documents] == ["code", "code"]


def test_what_is_said_beside_the_result_is_not_in_it(capsys):
    say("hello")
    assert capsys.readouterr() == ("", "hello\n")
