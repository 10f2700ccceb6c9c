import io
import json
import logging
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.schema import LogFormat, LogLevel, LogSettings
from globaldns.logs import ConsoleFormatter, JsonFormatter, configure

HOSTILE = st.text(max_size=40) | st.sampled_from(["a\nb", "\x1b[2J", "\x7f", "\x9b31m", "\u2028"])


def make_record(message="source is silent", level=logging.WARNING, **extra):
    record = logging.makeLogRecord(
        {
            "name": "globaldns.sources.directory",
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": message,
            "created": 1767323045.678,
        }
    )
    vars(record).update(extra)
    return record


def fail(reason):
    raise OSError(reason)


class Attempt(NamedTuple):
    number: int


@pytest.mark.parametrize(
    ("extra", "tail"),
    [
        ({}, ""),
        ({"cluster": "east", "files": 3}, " cluster=east files=3"),
        ({"reason": "line 3: no"}, ' reason="line 3: no"'),
        ({"empty": "", "none": None, "list": [], "zero": 0, "no": False}, " zero=0 no=False"),
        ({"names": ["a", "b"]}, " names=a,b"),
        ({"names": ("a b", "c")}, ' names="a b,c"'),
        ({"numbers": [1, 2]}, ' numbers="[1, 2]"'),
        ({"text": 'a="b"'}, ' text="a=\\"b\\""'),
        ({"host": "bücher"}, ' host="b\\u00fccher"'),
    ],
)
def test_a_console_line_is_time_level_place_sentence_and_values(extra, tail):
    line = ConsoleFormatter().format(make_record(**extra))
    assert line == (f"2026-01-02T03:04:05.678Z warning sources.directory: source is silent{tail}")


def test_a_json_line_is_one_object_with_the_values_beside_the_sentence():
    line = JsonFormatter().format(make_record(cluster="east", files=3, level=logging.INFO))
    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.678Z",
        "level": "info",
        "logger": "globaldns.sources.directory",
        "message": "source is silent",
        "cluster": "east",
        "files": 3,
    }


def test_a_value_cannot_replace_what_every_json_line_has():
    event = json.loads(JsonFormatter().format(make_record(time="never", logger="x")))
    assert (event["time"], event["logger"]) == (
        "2026-01-02T03:04:05.678Z",
        "globaldns.sources.directory",
    )


@pytest.mark.parametrize("formatter", [ConsoleFormatter(), JsonFormatter()])
@given(message=HOSTILE, value=HOSTILE)
def test_whatever_is_in_an_event_it_is_one_line_of_printable_ascii(formatter, message, value):
    record = make_record(message=message.replace("%", ""), value=value, more=[value])
    line = formatter.format(record)
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize("formatter", [ConsoleFormatter(), JsonFormatter()])
def test_a_traceback_stays_on_the_line_of_its_event(formatter):
    with pytest.raises(OSError, match="two") as caught:
        fail("two\nlines")
    line = formatter.format(make_record(exc_info=(caught.type, caught.value, caught.tb)))
    assert "Traceback (most recent call last):\\n" in line
    assert "OSError: two\\nlines" in line
    assert line.isprintable()


def test_a_value_of_any_type_is_logged_as_its_text():
    event = json.loads(JsonFormatter().format(make_record(value={1}, place=Attempt(2))))
    assert (event["value"], event["place"]) == ("{1}", [2])


@pytest.fixture
def stream():
    """A stream for the log; afterwards logging is as it was."""
    root, ours = logging.getLogger(), logging.getLogger("globaldns")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_logging_again_with_other_settings_replaces_the_first(stream):
    configure(LogSettings(), stream)
    logging.getLogger("globaldns.app").info("first")
    configure(LogSettings(format=LogFormat.JSON, level=LogLevel.WARNING), stream)
    logging.getLogger("globaldns.app").info("dropped")
    logging.getLogger("globaldns.app").warning("second")
    first, second = stream.getvalue().splitlines()
    assert first.endswith("info app: first")
    assert json.loads(second)["message"] == "second"


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        (LogLevel.DEBUG, ["info", "warning", "error"]),
        (LogLevel.INFO, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_other_libraries_are_heard_from_warning_on(stream, level, heard):
    configure(LogSettings(level=level), stream)
    for severity in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("aiohttp.access").log(severity, "hello")
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == heard
