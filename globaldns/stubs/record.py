"""What we remember of a cluster's DNS: where we are in it, what we wrote, what was there before.

It is a ConfigMap of our own namespace, for a foreign one would mount or migrate what is added::

    data:
      state: {"stub": …, "places": […], "known": {"configmaps kube-system/coredns Corefile": […]}}
      original.configmaps.kube-system.coredns.Corefile: the text that was there before us

Where ``suspended`` is true nothing is ours, and servers write nothing: the ConfigMap goes with the
release then, whose configuration owns it.

A person who wants the cluster as it was finds it here, whatever has happened to the marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target
from globaldns.errors import StubError

NAME = "globaldns-stub"
STATE = "state"
MAX_KNOWN = 1024
"""Fingerprints of former changes of a place: each may have one for each domain of its stub."""

_ORIGINAL = "original."


class Record(msgspec.Struct, frozen=True):
    """What we remember; all of it is empty where nothing of ours is installed."""

    stub: Stub | None = None
    """What was installed last."""
    places: tuple[Target, ...] = ()
    """Where we are."""
    known: Mapping[str, tuple[str, ...]] = {}
    """What tells again what we wrote, by the text of its place, the newest last."""
    originals: Mapping[str, str] = {}
    """What was there before us, by ``original_key``; empty text: nothing."""
    suspended: bool = False
    """Whether servers leave the cluster's DNS alone until a person installs it again."""

    def known_at(self, place: Target) -> frozenset[str]:
        """Return what tells again what we wrote at a place; what stands elsewhere is not ours."""
        return frozenset(self.known.get(str(place), ()))

    def with_place(
        self, place: Target, stub: Stub, known: frozenset[str], originals: Mapping[str, str]
    ) -> Record:
        """Return a record of a place where the stub is about to be."""
        places = self.places if place in self.places else (*self.places, place)
        former = [one for one in self.known.get(str(place), ()) if one not in known]
        return Record(
            stub,
            places,
            {**self.known, str(place): (*former[-MAX_KNOWN:], *sorted(known))},
            {**originals, **self.originals},
        )


class _State(msgspec.Struct):
    stub: Stub | None
    places: tuple[Target, ...]
    known: dict[str, tuple[str, ...]]
    suspended: bool = False


def original_key(place: Target) -> str:
    """Return the key for what was at a place before us."""
    parts = (place.resource, place.namespace, place.name, place.key)
    return _ORIGINAL + ".".join(filter(None, parts))


def encode_record(record: Record) -> dict[str, str]:
    """Return the data of the ConfigMap."""
    state = _State(record.stub, record.places, dict(record.known), record.suspended)
    return {STATE: msgspec.json.encode(state).decode(), **record.originals}


def decode_record(document: Mapping[str, Any] | None) -> Record:
    """Return what the ConfigMap says; None: there is none.

    Raises:
        StubError: it cannot be read; code ``record``.
    """
    data = (document or {}).get("data") or {}
    if not data:
        return Record()
    try:
        state = _decode_state(data.get(STATE, ""))
    except (msgspec.MsgspecError, StubError) as error:
        raise StubError(
            f"ConfigMap {NAME}: its {STATE} cannot be read: {error}",
            code="record",
            hint="keep a copy, for what was there before us is in it (kubectl get configmap "
            f"{NAME} -o yaml), then delete it: blocks between our marks are known without it",
        ) from None
    originals = {key: text for key, text in data.items() if key.startswith(_ORIGINAL)}
    return Record(state.stub, state.places, state.known, originals, state.suspended)


def _decode_state(text: str) -> _State:
    """Return a state; where its zones are names, they have what the stub says of all of them."""
    state = msgspec.json.decode(text, type=dict[str, Any])
    stub = state.get("stub")
    if isinstance(stub, dict) and isinstance(stub.get("zones"), list):
        shared = {key: stub[key] for key in ("foreign", "namespaces") if key in stub}
        stub["zones"] = [
            {"name": zone, **shared} if isinstance(zone, str) else zone for zone in stub["zones"]
        ]
    return msgspec.convert(state, _State)
