"""Where a cluster's DNS is told of us: what was found, and what was changed there, in words."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from globaldns.cli.notes import left_out, unseen_zones
from globaldns.cli.output import Tone, format_table, paint
from globaldns.coredns.authority import check_stub
from globaldns.coredns.platforms import Detection, ManagedElsewhere
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target
from globaldns.coredns.vendors import Advice, advise
from globaldns.stubs.shapes import Change, text_of, touched

if TYPE_CHECKING:
    from globaldns.app.stubbing import Looked

COLUMNS = ("PLATFORM", "TOLD IN", "BECAUSE")
_TONES = {"+": Tone.GOOD, "-": Tone.BAD}


class DetectionReport(msgspec.Struct, frozen=True):
    """One DNS of a cluster, for programs."""

    platform: str
    reasons: tuple[str, ...]
    place: str
    """Resource, object and key; empty: it is not told by us."""
    owner: str
    """Who has its configuration; empty: nobody beside us."""


class ChangeReport(msgspec.Struct, frozen=True):
    """What became of a place, for programs."""

    place: str
    state: str
    """``created``, ``changed``, ``deleted``, ``unchanged``; ``already-there``: somebody else wrote
    what we would."""
    diff: str
    proof: str
    """What is known of the rest of the object."""
    theirs: tuple[str, ...] = ()
    """Domains that somebody else has told there as we would, and which are left so."""
    notes: tuple[str, ...] = ()
    """What has to be known of it."""

    @property
    def is_changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.diff)


class AdviceReport(msgspec.Struct, frozen=True):
    """Whom to tell what, where we must not, for programs."""

    platform: str
    owner: str
    reasons: tuple[str, ...]
    advice: Advice
    notes: tuple[str, ...] = ()
    """What has to be known of it besides."""


class PlacesReport(msgspec.Struct, frozen=True):
    """What an installation or a removal came to, for programs."""

    places: tuple[ChangeReport, ...]
    elsewhere: tuple[AdviceReport, ...] = ()
    dry_run: bool = False
    """Whether nothing was changed, whatever is said of places."""


def report_detections(detections: Iterable[Detection]) -> list[DetectionReport]:
    """Return what was found."""
    return [_report_detection(one) for one in detections]


def format_detections(detections: Iterable[Detection]) -> str:
    """Return what was found as a table; each reason has a line."""
    return format_table(COLUMNS, _rows(detections))


def report_change(change: Change, notes: tuple[str, ...] = ()) -> ChangeReport:
    """Return what became of a place."""
    diff, proof = "\n".join(_diff(change)), _proof(change)
    return ChangeReport(str(change.place), _state(change), diff, proof, change.theirs, notes)


def show_change(change: Change) -> None:
    """Print the difference that a change makes."""
    for line in _diff(change):
        tone = _TONES.get(line[:1])
        click.echo(paint(line, tone, stream=sys.stdout) if tone else line)


def report_advice(looked: Looked, detection: Detection, stub: Stub) -> AdviceReport:
    """Return what to tell the owner of a configuration.

    Raises:
        StubError: the platform cannot do what the stub says, or is never to.
    """
    check_stub(stub, looked.authority)
    advice = advise(detection.platform, stub, looked.base_of(detection), detection.build)
    notes = (*left_out(detection.platform, stub), *unseen_zones(looked.authority))
    return AdviceReport(detection.platform, _owner(detection), detection.reasons, advice, notes)


def format_advice(report: AdviceReport) -> str:
    """Return the words for a person, and the snippet, which is not indented."""
    advice = report.advice
    head = [f"{report.platform}: {report.owner} has the configuration", *report.reasons]
    notes = filter(None, (advice.note, *report.notes))
    head += [f"where: {advice.where}", *(f"note: {note}" for note in notes)]
    lines = "".join(f"# {line}\n" for line in (*head, f"see {advice.page}"))
    return lines + advice.snippet


def _report_detection(detection: Detection) -> DetectionReport:
    return DetectionReport(
        detection.platform, detection.reasons, _place(detection), _owner(detection)
    )


def _rows(detections: Iterable[Detection]) -> Iterator[tuple[str, ...]]:
    for one in detections:
        place = _place(one) or f"(by {_owner(one)})"
        first, *more = one.reasons
        yield one.platform, place, first
        yield from (("", "", reason) for reason in more)


def _place(detection: Detection) -> str:
    place = detection.place
    return "" if isinstance(place, ManagedElsewhere) else str(place)


def _owner(detection: Detection) -> str:
    place = detection.place
    return place.owner if isinstance(place, ManagedElsewhere) else ""


def _state(change: Change) -> str:
    if not change.is_needed:
        return "already-there" if change.is_theirs else "unchanged"
    if change.before is None:
        return "created"
    return "deleted" if change.after is None else "changed"


def _diff(change: Change) -> Iterator[str]:
    """Yield the lines of a unified diff of what stands at the place, and where it is taken from."""
    for place in touched(change):
        yield from _diff_at(place, change)


def _diff_at(place: Target, change: Change) -> Iterator[str]:
    before, after = (text_of(place, one) for one in (change.before, change.after))
    names = ("/dev/null" if not before else str(place), "/dev/null" if not after else str(place))
    yield from difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")


def _proof(change: Change) -> str:
    """Return what was seen of the rest before and after it was written."""
    if change.before is None or change.after is None or not change.is_needed:
        return ""
    diffs = ([*_diff_at(place, change)][2:] for place in touched(change))
    lines = [line[:1] for diff in diffs for line in diff]
    added, gone = lines.count("+"), lines.count("-")
    return f"+{added} -{gone} lines; all else is byte for byte as it was"
