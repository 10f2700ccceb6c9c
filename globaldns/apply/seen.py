"""The GlobalServices of our cluster, as they were seen last. Pure.

An object is ours where it has our mark; all others are people's. Of each the status is kept as it
was read: a hundred thousand are to be remembered, and few of them are looked at twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from globaldns.exports import marks
from globaldns.model.host import Host, service_host
from globaldns.model.place import Place
from globaldns.objects.metadata import Time, is_older


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One of them."""

    place: Place
    host: Host
    version: str
    generation: int
    is_ours: bool
    is_elsewhere: bool
    """Whether it stands in our namespace for want of its host's: nothing written in it counts."""
    has_spec: bool
    is_blank: bool = False
    """Whether it says that nobody has written a spec into it, so that no cluster reads it."""
    renumber: int | None = None
    """When a person wanted the host to have another number, in Unix seconds."""
    spec: bytes = b""
    """What people wrote, as JSON; empty: nothing."""
    status: bytes = b""

    @property
    def is_disposable(self) -> bool:
        """Whether it is all our work, so that nothing is lost with it."""
        return self.is_ours and not self.has_spec


_NOTHING = msgspec.Raw(b"null")


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    resource_version: str = ""
    generation: int = 1
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


class _Object(msgspec.Struct):
    metadata: _Meta
    spec: dict[str, msgspec.Raw] | None = None
    status: msgspec.Raw = _NOTHING


_decoder = msgspec.json.Decoder(_Object)


def read_seen(data: bytes | msgspec.Raw, cluster: str) -> Seen | None:
    """Return an object as a server writes it; None: it is no GlobalService."""
    try:
        found = _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
    meta, spec = found.metadata, found.spec or {}
    is_ours = (meta.labels or {}).get(marks.OWNED_BY) == cluster
    elsewhere = (meta.annotations or {}).get(marks.HOST, "") if is_ours else ""
    return Seen(
        place=Place(meta.namespace, meta.name),
        host=Host(elsewhere) if elsewhere else service_host(meta.name, meta.namespace),
        version=meta.resource_version,
        generation=meta.generation,
        is_ours=is_ours,
        is_elsewhere=bool(elsewhere),
        has_spec=bool(spec),
        is_blank=(meta.labels or {}).get(marks.BLANK) == "true",
        renumber=_read_time(spec.get("renumber")),
        spec=msgspec.json.encode(spec) if spec else b"",
        status=b"" if found.status == _NOTHING else bytes(found.status),
    )


def _read_time(data: msgspec.Raw | None) -> int | None:
    try:
        return None if data is None else int(msgspec.json.decode(data, type=Time).timestamp())
    except msgspec.MsgspecError:
        return None


class SeenObjects:
    """All of them, by place and by host."""

    def __init__(self) -> None:
        self._at: dict[Place, Seen] = {}
        self._of: dict[Host, tuple[Place, ...]] = {}
        self._listing: set[Place] | None = None
        """What a list that is under way has shown."""

    def __len__(self) -> int:
        return len(self._at)

    @property
    def hosts(self) -> Iterator[Host]:
        """The hosts that any of them is about."""
        return iter(tuple(self._of))

    def of_host(self, host: Host) -> tuple[Seen, ...]:
        """Return those about a host."""
        return tuple(self._at[place] for place in self._of.get(host, ()))

    def begin(self) -> None:
        """Take all that is put from now on for all that there is, until ``complete``."""
        self._listing = set()

    def complete(self) -> list[Host]:
        """Forget what the list did not show; return the hosts that it was about."""
        shown, self._listing = self._listing, None
        gone = [] if shown is None else [place for place in self._at if place not in shown]
        return [seen.host for place in gone if (seen := self.drop(place)) is not None]

    def put(self, seen: Seen) -> bool:
        """Take an object as it is; return whether that is news.

        One that is older than what is known is none. In a list every object is as it is: after etcd
        was restored versions begin again.
        """
        known = self._at.get(seen.place)
        if self._listing is not None:
            self._listing.add(seen.place)
        elif known is not None and is_older(seen.version, known.version):
            return False
        if known == seen:
            return False
        if known is not None and known.host != seen.host:
            self.drop(seen.place)
        self._at[seen.place] = seen
        places = self._of.get(seen.host, ())
        if seen.place not in places:
            self._of[seen.host] = (*places, seen.place)
        return True

    def remove(self, seen: Seen) -> bool:
        """Take note that an object is gone; return whether that is news."""
        known = self._at.get(seen.place)
        if known is None or is_older(seen.version, known.version):
            return False
        self.drop(seen.place)
        return True

    def drop(self, place: Place) -> Seen | None:
        """Forget an object; return what it was."""
        seen = self._at.pop(place, None)
        if seen is not None:
            left = tuple(other for other in self._of[seen.host] if other != place)
            if left:
                self._of[seen.host] = left
            else:
                del self._of[seen.host]
        return seen

    def clear(self) -> None:
        """Forget all."""
        self._at.clear()
        self._of.clear()
        self._listing = None
