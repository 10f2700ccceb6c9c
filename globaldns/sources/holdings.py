"""Which file holds which object, and when an object that no file holds any more is gone.

An object moves from file to file, and files come and go, in any order and over many readings: it is
gone only once no file has held it for the whole of ``grace``. Of two files that hold the same
object the first by path counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from globaldns.model.finding import Finding, Severity
from globaldns.objects import ObjectKey
from globaldns.sources.manifest import Manifest, Misfit, Unchanged, Unread
from globaldns.sources.scan import Stamp


class Record(msgspec.Struct, frozen=True):
    """What is known of one file."""

    stamp: Stamp | None
    """Of what was read; None: to be read again whatever it is."""
    digest: bytes = b""
    """Of the last content that could be read; empty: none ever could."""
    keys: tuple[ObjectKey, ...] = ()
    """The objects last seen in it."""
    refused: frozenset[ObjectKey] = frozenset()
    """Those of them that are of a wrong shape now."""
    misfits: tuple[Misfit, ...] = ()
    fault: Finding | None = None
    """Why it cannot be read now."""

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows what it says."""
        return not self.digest


class Holdings:
    """The files of one directory and the objects that they hold."""

    def __init__(self) -> None:
        self.files: dict[str, Record] = {}
        self._owners: dict[ObjectKey, str] = {}
        self._rivals: dict[ObjectKey, set[str]] = {}
        """Files that hold an object which is taken from another."""
        self._orphans: set[ObjectKey] = set()
        """Objects that lost their file in this turn."""
        self._missing: dict[ObjectKey, float] = {}
        """When an object that no file holds is gone."""

    def take(self, reading: Manifest) -> None:
        """Take note of what a file says now."""
        path = reading.path
        former = self.files.get(path, Record(None))
        keys = dict.fromkeys((*(identity for identity, _ in reading.objects), *reading.refused))
        if not reading.is_complete:
            keys.update(dict.fromkeys(former.keys))
        self.files[path] = Record(
            reading.stamp,
            reading.digest,
            tuple(keys),
            refused=reading.refused,
            misfits=reading.misfits,
        )
        for identity in former.keys:
            if identity not in keys:
                self._let_go(identity, path)
        for identity in keys:
            self._hold(identity, path)

    def keep(self, reading: Unchanged | Unread) -> None:
        """Take note that a file holds what it held before."""
        former = self.files.get(reading.path, Record(None))
        if isinstance(reading, Unchanged):
            changed = msgspec.structs.replace(former, stamp=reading.stamp, fault=None)
        else:
            changed = msgspec.structs.replace(former, stamp=reading.stamp, fault=reading.finding)
        self.files[reading.path] = changed

    def drop(self, path: str) -> None:
        """Take note that a file is no more."""
        for identity in self.files.pop(path).keys:
            self._let_go(identity, path)

    def is_taken_from(self, identity: ObjectKey, path: str) -> bool:
        """Whether an object is taken from this file, and not from another."""
        return self._owners.get(identity) == path

    def inherit(self) -> set[str]:
        """Give orphans to other files that hold them; return those files, to be read again."""
        heirs = set()
        for identity in [orphan for orphan in self._orphans if orphan in self._rivals]:
            heir = min(self._rivals[identity])
            self._hold(identity, heir)
            heirs.add(heir)
        return heirs

    def forget(self, paths: Iterable[str]) -> None:
        """Forget what files say, but not what they hold: they are to be read whatever they say."""
        for path in paths:
            self.files[path] = msgspec.structs.replace(self.files[path], stamp=None, digest=b"")

    def expire(self, now: float, grace: float) -> list[ObjectKey]:
        """Return what is gone: what every reading has lacked for ``grace``; ends a turn."""
        for identity in self._orphans:
            self._missing.setdefault(identity, now + grace)
        self._orphans.clear()
        gone = [identity for identity, deadline in self._missing.items() if deadline <= now]
        for identity in gone:
            del self._missing[identity]
        return gone

    def pause(self) -> None:
        """Take note of silence: what is missing has its whole grace again afterwards."""
        self._orphans.update(self._missing)
        self._missing.clear()

    @property
    def missing(self) -> Mapping[ObjectKey, float]:
        """When each object is gone that no file holds any more, unless it comes back."""
        return self._missing

    @property
    def deadline(self) -> float | None:
        """When the next object is gone unless it comes back."""
        return min(self._missing.values(), default=None)

    @property
    def faults(self) -> list[Finding]:
        """Why files cannot be read now, one for each."""
        return [record.fault for record in self.files.values() if record.fault is not None]

    @property
    def unknown(self) -> frozenset[str]:
        """Files that could not be read even once."""
        return frozenset(path for path, record in self.files.items() if record.is_unknown)

    def holds(self, identity: ObjectKey) -> bool:
        """Whether an object is in any file."""
        return identity in self._owners

    def of_kind(self, kind: str) -> Iterator[tuple[str, ObjectKey]]:
        """Yield the objects of a kind, each with the file that it is taken from."""
        for identity, path in self._owners.items():
            if identity.kind == kind:
                yield path, identity

    def is_refused(self, identity: ObjectKey) -> bool:
        """Whether an object is there and of a wrong shape."""
        path = self._owners.get(identity)
        return path is not None and identity in self.files[path].refused

    def misfits(self) -> Iterator[tuple[str, Misfit]]:
        """Yield every document that is not taken, with its file."""
        for path, record in self.files.items():
            for misfit in record.misfits:
                yield path, misfit

    def findings(self, cluster: str) -> Iterator[Finding]:
        """Yield what is wrong with files, and with objects that stand in several."""
        yield from self.faults
        for identity, paths in self._rivals.items():
            for path in paths:
                yield Finding(
                    Severity.WARNING,
                    "duplicate-object",
                    f"is in {self._owners[identity]} too, which comes first and counts",
                    file=path,
                    object=str(identity),
                    hint="keep one of the two",
                    cluster=cluster,
                )

    def _hold(self, identity: ObjectKey, path: str) -> None:
        owner = self._owners.get(identity)
        if owner == path:
            return
        first = min(self._rivals.get(identity, ()), default=path) if owner is None else owner
        if first < path:  # an orphan's is to inherit it
            self._rivals.setdefault(identity, set()).add(path)
            return
        self._owners[identity] = path
        self._leave_rivals(identity, path)
        if owner is not None:
            self._rivals.setdefault(identity, set()).add(owner)
        self._orphans.discard(identity)
        self._missing.pop(identity, None)

    def _let_go(self, identity: ObjectKey, path: str) -> None:
        self._leave_rivals(identity, path)
        if self._owners.get(identity) == path:
            del self._owners[identity]
            self._orphans.add(identity)

    def _leave_rivals(self, identity: ObjectKey, path: str) -> None:
        rivals = self._rivals.get(identity)
        if rivals is not None:
            rivals.discard(path)
            if not rivals:
                del self._rivals[identity]


def changed_files(files: Iterable[tuple[str, Stamp]], records: dict[str, Record]) -> list[str]:
    """Return the files whose content may differ from what was read."""
    return [
        path
        for path, stamp in files
        if (record := records.get(path)) is None or record.stamp != stamp
    ]
