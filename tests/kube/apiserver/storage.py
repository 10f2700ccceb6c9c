"""What etcd is to an API server: every version of every object, one revision for all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.kube.apiserver.statuses import ApiError, too_old_version

Object = dict[str, Any]
"""Never changed once it is stored."""


class Key(NamedTuple):
    resource: str
    namespace: str
    name: str

    @property
    def place(self) -> str:
        """What lists are ordered by."""
        return f"{self.namespace}/{self.name}".lstrip("/")


@dataclass(frozen=True, slots=True)
class Event:
    """One write: ``old`` is None for a creation, ``new`` is None for a deletion."""

    revision: int
    key: Key
    old: Object | None
    new: Object | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a backup of etcd has."""

    revision: int
    objects: dict[Key, Object]


class Storage:
    """Objects by key, readable at each revision since the last compaction."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        self._watched_from = 0
        self.subscribers: set[Callable[[Event], None]] = set()
        self._versions: dict[str, dict[Key, list[tuple[int, Object | None]]]] = defaultdict(dict)
        self._log: list[Event] = []

    def get(self, key: Key, revision: int | None = None) -> Object | None:
        """Return an object as it is, or was at a revision."""
        versions = self._versions[key.resource].get(key, [])
        if revision is None:
            return versions[-1][1] if versions else None
        index = bisect_right(versions, revision, key=lambda version: version[0])
        return versions[index - 1][1] if index else None

    def select(
        self, resource: str, namespace: str = "", revision: int | None = None
    ) -> list[tuple[Key, Object]]:
        """Return a resource's objects in order; all namespaces without one.

        Raises:
            ApiError: 410, the revision is compacted.
        """
        if revision is not None and revision < self.compacted:
            raise ApiError(410, "The provided resource version is too old: it was compacted.")
        keys = (key for key in self._versions[resource] if namespace in {"", key.namespace})
        found = ((key, self.get(key, revision)) for key in keys)
        return sorted(
            ((key, item) for key, item in found if item is not None),
            key=lambda pair: pair[0].place,
        )

    def inside(self, namespace: str) -> Iterator[Key]:
        """Yield the keys of everything in a namespace."""
        for resource in list(self._versions):
            yield from (key for key, _ in self.select(resource, namespace))

    def since(self, revision: int) -> list[Event]:
        """Return the writes after a revision.

        Raises:
            ApiError: 410, some of them are forgotten.
        """
        if revision < self._watched_from:
            raise too_old_version(revision, self._watched_from)
        return [event for event in self._log if event.revision > revision]

    def commit(self, key: Key, new: Object | None) -> Object:
        """Write, or delete with None, and return the object with its new resourceVersion."""
        old = self.get(key)
        self.revision += 1
        written = new if new is not None else old
        assert written is not None
        metadata = {**written["metadata"], "resourceVersion": str(self.revision)}
        written = {**written, "metadata": metadata}
        event = Event(self.revision, key, old, None if new is None else written)
        self._versions[key.resource].setdefault(key, []).append((self.revision, event.new))
        self._log.append(event)
        for tell in list(self.subscribers):
            tell(event)
        return written

    def forget_events(self) -> None:
        """Begin a watch cache, as a started server does: the past can be listed, not watched."""
        self._watched_from = self.revision
        self._log.clear()

    def compact(self) -> None:
        """Forget everything but the present."""
        self.restore(self.snapshot())

    def snapshot(self) -> Snapshot:
        keys = [key for versions in self._versions.values() for key in versions]
        present = {key: item for key in keys if (item := self.get(key)) is not None}
        return Snapshot(self.revision, present)

    def restore(self, snapshot: Snapshot) -> None:
        """Be what a backup was: its objects, its revision, and no history."""
        self.revision = self.compacted = snapshot.revision
        self.forget_events()
        self._versions.clear()
        for key, item in snapshot.objects.items():
            version = int(item["metadata"]["resourceVersion"])
            self._versions[key.resource][key] = [(version, item)]
