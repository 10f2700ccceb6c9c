"""The GlobalServices of our cluster, as they were seen last. Pure.

An object is ours where it has our mark; all others are people's. Of each the status is kept as it
was read: a hundred thousand are to be remembered, and few of them are looked at twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from globaldns.apply.known import KnownObjects
from globaldns.exports import marks
from globaldns.model.host import Host, service_host
from globaldns.model.place import Place
from globaldns.objects.metadata import Time


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


class SeenObjects(KnownObjects[Place, Host, Seen]):
    """All of them, by place and by host."""

    def __init__(self) -> None:
        super().__init__(lambda seen: seen.place, lambda seen: seen.host)
