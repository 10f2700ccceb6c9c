"""A cluster's objects, kept packed: a ServiceEntry in 240 octets instead of 800.

An object is unpacked when something that it depends on has changed, which costs a microsecond.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar, cast

import msgspec

from globaldns.model.host import Host, service_host
from globaldns.objects import KINDS, Object, ObjectKey
from globaldns.objects.kubernetes import Namespace, NamespaceMetadata, Service

_Kind = TypeVar("_Kind", bound=Object)
_SERVICE = Service.kind


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A packed object and the file that it came from."""

    packed: bytes
    file: str


class Store:
    """The objects of one cluster, by kind, namespace and name."""

    def __init__(self, annotations: Collection[str]) -> None:
        self._annotations = frozenset(annotations)
        self._kept: dict[tuple[str, str], dict[str, Kept]] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._decoders: dict[type, msgspec.msgpack.Decoder[Object]] = {}

    def pack(self, resource: Object, file: str) -> Kept:
        """Return what is to be kept of an object."""
        if resource.metadata.annotations:
            resource = self._slim(resource)
        return Kept(self._encoder.encode(resource), file)

    def swap(self, key: ObjectKey, kept: Kept) -> Kept | None:
        """Keep an object; return what was kept of it before."""
        place = (key.kind, key.namespace)
        names = self._kept.get(place)
        if names is None:
            names = self._kept[place] = {}
        former = names.get(key.name)
        names[key.name] = kept
        return former

    def remove(self, key: ObjectKey) -> None:
        """Forget an object."""
        place = (key.kind, key.namespace)
        names = self._kept[place]
        del names[key.name]
        if not names:
            del self._kept[place]

    def get(self, kind: type[_Kind], namespace: str, name: str) -> _Kind | None:
        """Return an object; None if there is none."""
        names = self._kept.get((kind.kind, namespace))
        kept = names.get(name) if names else None
        return None if kept is None else self._unpack(kept, kind)

    def find(self, key: ObjectKey) -> Object | None:
        """Return the object of a key; None if there is none."""
        return self.get(KINDS[key.kind], key.namespace, key.name)

    def has(self, key: ObjectKey) -> bool:
        """Whether there is an object of a key."""
        return key.name in self._kept.get((key.kind, key.namespace), ())

    def unpack(self, key: ObjectKey, kept: Kept) -> Object:
        """Return what was kept as an object of the kind of its key."""
        return self._unpack(kept, KINDS[key.kind])

    def file(self, key: ObjectKey) -> str:
        """Return the file that an object came from."""
        return self._kept[key.kind, key.namespace][key.name].file

    def names(self, kind: type[Object], namespace: str) -> tuple[str, ...]:
        """Return the names of the objects of a kind in a namespace."""
        return tuple(self._kept.get((kind.kind, namespace), ()))

    def keys(self, *kinds: type[Object]) -> Iterator[ObjectKey]:
        """Yield the keys of all objects of some kinds."""
        wanted = {kind.kind for kind in kinds}
        for (kind, namespace), names in self._kept.items():
            if kind in wanted:
                yield from (ObjectKey(kind, namespace, name) for name in names)

    def namespaces(self) -> frozenset[str]:
        """Return the namespaces that there are, or that other objects are in, and that stay."""
        inhabited = {namespace for _, namespace in self._kept if namespace}
        return frozenset(inhabited.union(self.names(Namespace, ""))) - self.leaving_namespaces()

    def leaving_namespaces(self) -> frozenset[str]:
        """Return the namespaces that are being deleted."""
        found = self._namespaces_with("deletionTimestamp")
        return frozenset(one.name for one in found if one.deletion_timestamp is not None)

    def labelled_namespaces(self, label: str, value: str) -> frozenset[str]:
        """Return the namespaces that have a label with a value."""
        found = self._namespaces_with(label)
        return frozenset(one.name for one in found if one.labels.get(label) == value)

    def services(self) -> frozenset[Host]:
        """Return the hosts of all Services, exported or not."""
        of_services = ((ns, names) for (kind, ns), names in self._kept.items() if kind == _SERVICE)
        return frozenset(service_host(name, ns) for ns, names in of_services for name in names)

    def mentioning(self, kind: type[Object], texts: Collection[str]) -> Iterator[ObjectKey]:
        """Yield the keys of objects in which a text may stand; some in which it does not."""
        needles = [text.encode() for text in texts]
        for (known, namespace), names in self._kept.items():
            if known == kind.kind:
                for name, kept in names.items():
                    if any(needle in kept.packed for needle in needles):
                        yield ObjectKey(known, namespace, name)

    def _namespaces_with(self, text: str) -> Iterator[NamespaceMetadata]:
        """Yield what all namespaces have in which a text stands."""
        needle = text.encode()
        for kept in self._kept.get((Namespace.kind, ""), {}).values():
            if needle in kept.packed:
                yield self._unpack(kept, Namespace).metadata

    def _slim(self, resource: Object) -> Object:
        """Drop annotations that nobody asks for, such as kubectl's copy of the whole object."""
        metadata = resource.metadata
        wanted = {
            name: text for name, text in metadata.annotations.items() if name in self._annotations
        }
        metadata = msgspec.structs.replace(metadata, annotations=wanted)
        return msgspec.structs.replace(resource, metadata=metadata)

    def _unpack(self, kept: Kept, kind: type[_Kind]) -> _Kind:
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.msgpack.Decoder(kind)
        return cast("_Kind", decoder.decode(kept.packed))
