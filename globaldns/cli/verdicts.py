"""What each way of pods' questions answers, in words, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from globaldns.cli.output import ABSENT, format_table
from globaldns.stubs.verification import Outcome, Verdict

COLUMNS = ("PATH", "ADDRESS", "NAME", "RESULT", "INSTANCE")


def format_verdicts(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as a table, and below it what is wrong, with its remedy."""
    rows = [
        (one.path.name, str(one.path), one.name, _result(one), one.instance or ABSENT)
        for one in verdicts
    ]
    return "\n".join((format_table(COLUMNS, rows), *_faults(verdicts)))


def _result(verdict: Verdict) -> str:
    """Return how it was answered; a right answer that will not last is no ``ok``."""
    is_short = verdict.outcome is Outcome.OK and not verdict.is_ok
    return f"{verdict.outcome}, but {verdict.cause}" if is_short else verdict.outcome


def _faults(verdicts: Iterable[Verdict]) -> Iterator[str]:
    for one in verdicts:
        if not one.is_ok:
            where = f"{one.path.name} {one.path}: {one.name}"
            yield f"{where}: {one.cause}: {one.reason} (fix: {one.hint})"
