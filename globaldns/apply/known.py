"""Objects of an API server as they were seen last, by key and by what each is about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

from globaldns.objects.metadata import is_older


class Versioned(Protocol):
    """An object with its ``resourceVersion``."""

    @property
    def version(self) -> str:
        """The version that was seen."""


Key = TypeVar("Key", bound=Hashable)
Subject = TypeVar("Subject", bound=Hashable)
One = TypeVar("One", bound=Versioned)


class KnownObjects(Generic[Key, Subject, One]):
    """All of them. ``kind`` tells apart what is listed apart."""

    def __init__(
        self,
        key: Callable[[One], Key],
        subject: Callable[[One], Subject],
        kind: Callable[[One], str] = lambda _: "",
    ) -> None:
        self._key = key
        self._subject = subject
        self._kind = kind
        self._at: dict[Key, One] = {}
        self._about: dict[Subject, tuple[Key, ...]] = {}
        self._listing: dict[str, set[Key]] = {}
        """What the list of a kind that is under way has shown."""

    def __iter__(self) -> Iterator[One]:
        return iter(tuple(self._at.values()))

    def __len__(self) -> int:
        return len(self._at)

    @property
    def subjects(self) -> Iterator[Subject]:
        """What any of them is about."""
        return iter(tuple(self._about))

    def about(self, subject: Subject) -> tuple[One, ...]:
        """Return those about something."""
        return tuple(self._at[key] for key in self._about.get(subject, ()))

    def begin(self, kind: str = "") -> None:
        """Take all of a kind that is put from now on for all that there is, until ``complete``."""
        self._listing[kind] = set()

    def complete(self, kind: str = "") -> list[One]:
        """Forget what the list did not show, and return it."""
        shown = self._listing.pop(kind, None)
        if shown is None:
            return []
        gone = [one for one in self._of_kind(kind) if self._key(one) not in shown]
        for one in gone:
            self.drop(self._key(one))
        return gone

    def put(self, one: One) -> bool:
        """Take an object as it is; return whether that is news.

        One that is older than what is known is none. In a list every object is as it is: after etcd
        was restored versions begin again.
        """
        key, subject = self._key(one), self._subject(one)
        known, listing = self._at.get(key), self._listing.get(self._kind(one))
        if listing is not None:
            listing.add(key)
        elif known is not None and is_older(one.version, known.version):
            return False
        if known == one:
            return False
        if known is not None and self._subject(known) != subject:
            self.drop(key)
        self._at[key] = one
        keys = self._about.get(subject, ())
        if key not in keys:
            self._about[subject] = (*keys, key)
        return True

    def remove(self, one: One) -> bool:
        """Take note that an object is gone; return whether that is news."""
        key = self._key(one)
        known = self._at.get(key)
        if known is None or is_older(one.version, known.version):
            return False
        self.drop(key)
        return True

    def drop(self, key: Key) -> One | None:
        """Forget an object; return what it was."""
        known = self._at.pop(key, None)
        if known is not None:
            subject = self._subject(known)
            left = tuple(other for other in self._about[subject] if other != key)
            if left:
                self._about[subject] = left
            else:
                del self._about[subject]
        return known

    def clear(self, kind: str = "") -> None:
        """Forget all of a kind."""
        for one in self._of_kind(kind):
            self.drop(self._key(one))
        self._listing.pop(kind, None)

    def _of_kind(self, kind: str) -> list[One]:
        return [one for one in self._at.values() if self._kind(one) == kind]
