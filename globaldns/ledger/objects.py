"""VIPLedger objects read and written: one request each, nothing decided.

Standards:
    Kubernetes API Concepts, "Resource versions": an update of what somebody else has changed since
    is refused with 409
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.kube.client import Client
from globaldns.kube.listing import list_objects
from globaldns.kube.resources import VIP_LEDGERS
from globaldns.ledger.remarks import Remark
from globaldns.ledger.shards import SHARDS, ShardId
from globaldns.model.claim import Marker, format_time
from globaldns.model.finding import Severity
from globaldns.model.head import Head
from globaldns.objects.own import LedgerRole, VIPLedger, VIPLedgerSpec

PAGE = 200
"""Objects of one answer: some megabytes."""


_PROGRAM = "globaldns"
"""Our field manager, which an API server takes from ``User-Agent``."""
_MARK_HINT = "restore it with its labels, or leave it to globaldns, which marks what it writes"
_HAND_HINT = "kubectl get --show-managed-fields shows what; leave VIPLedgers to globaldns"
_STRANGER_HINT = "delete it, or move it to its cluster's own namespace"


class _FieldsEntry(msgspec.Struct):
    manager: str = ""
    fields: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict, name="fieldsV1")


class _Meta(msgspec.Struct):
    name: str = ""
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    managers: list[_FieldsEntry] = msgspec.field(default_factory=list, name="managedFields")


class _Found(msgspec.Struct):
    metadata: _Meta


class Held(msgspec.Struct, frozen=True):
    """An object as it was seen last."""

    id: ShardId
    name: str
    marker: Marker
    text: str
    version: str
    """Its resourceVersion."""
    head: Head = Head()
    """What the first of our own objects says beside claims."""
    remark: Remark | None = None
    """What is odd about it; None: nothing."""

    @property
    def age(self) -> int:
        """A number that grows with each version, as Kubernetes promises since 1.35."""
        return int(self.version) if self.version.isdecimal() else 0


class Stranger(msgspec.Struct, frozen=True):
    """An object that is no part of a cluster's ledger, and stands in its place."""

    name: str
    remark: Remark


_meta_decoder = msgspec.json.Decoder(_Found)
_ledger_decoder = msgspec.json.Decoder(VIPLedger)


def read_object(data: bytes | msgspec.Raw, cluster: str) -> Held | Stranger:
    """Return an object as a server writes it, in the namespace of a cluster's ledger."""
    try:
        meta = _meta_decoder.decode(data).metadata
    except msgspec.MsgspecError as error:
        return _stranger("", f"is no object: {error}")
    try:
        spec = _ledger_decoder.decode(data).spec
    except msgspec.MsgspecError as error:
        return _stranger(meta.name, f"cannot be read: {error}")
    if spec.role is LedgerRole.OWN and spec.cluster != cluster:
        return _stranger(meta.name, f"is the ledger of {spec.cluster!r}, and we are {cluster!r}")
    shard = _find_shard(meta.name, spec)
    if shard is None:
        return _stranger(meta.name, "has a name that no part of a ledger has: it is not read")
    marker = Marker(spec.marker.id, int(spec.marker.created.timestamp()))
    head = Head(spec.settings, tuple(sorted(spec.uids.items())))
    remark = _find_hand(meta, cluster)
    return Held(shard, shard.name, marker, spec.data, meta.resource_version, head, remark)


def _find_shard(name: str, spec: VIPLedgerSpec) -> ShardId | None:
    try:
        shard = ShardId(spec.role, spec.cluster, int(name.rpartition("-")[2], 16))
    except ValueError:
        return None
    return shard if shard.name == name and shard.number < SHARDS else None


def _stranger(name: str, reason: str) -> Stranger:
    return Stranger(name, Remark(reason, _STRANGER_HINT, Severity.ERROR))


def _find_hand(meta: _Meta, cluster: str) -> Remark | None:
    """Return how an object shows that somebody else has written it; None: it does not."""
    if (owner := meta.labels.get(OWNED_BY)) != cluster:
        mark = f"{OWNED_BY}: {cluster}"
        return Remark(f"has {owner or 'nobody'!r} for its writer, not {mark}", _MARK_HINT)
    others = {one.manager for one in meta.managers if "f:spec" in one.fields} - {_PROGRAM, ""}
    if others:
        return Remark(f"was written by {', '.join(sorted(others))} too", _HAND_HINT)
    return None


class LedgerObjects:
    """The VIPLedgers of one namespace."""

    def __init__(self, client: Client, namespace: str, cluster: str) -> None:
        self._client = client
        self._namespace = namespace
        self._cluster = cluster
        self.head: Head | None = None
        """What we say beside claims; None: what stands there."""

    async def list(self) -> AsyncIterator[Held | Stranger]:
        """Yield all there are.

        Raises:
            ApiError: they are not known.
        """
        async for item in list_objects(self._client, self._path(), {}, page_size=PAGE):
            yield read_object(item, self._cluster)

    async def get(self, shard: ShardId) -> Held | Stranger | None:
        """Return one as it is now; None: there is none.

        Raises:
            ApiError: it is not known.
        """
        try:
            found = read_object(await self._client.get(self._path(shard.name)), self._cluster)
        except ApiRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if found.name != shard.name:
            raise ApiError(f"VIPLedger {shard.name}: an answer that is no object of that name")
        return found

    async def create(self, shard: ShardId, marker: Marker, text: str) -> Held:
        """Create one.

        Raises:
            ApiRefused: there is one (409), or it may not be.
            ApiError: it is not known whether it was.
        """
        head = self.head_of(shard, None)
        body = msgspec.json.encode(self._body(shard, marker, text, head))
        data = await self._client.send("POST", self._path(), body)
        return _written(data, Held(shard, shard.name, marker, text, "", head))

    async def replace(self, held: Held, marker: Marker, text: str) -> Held:
        """Write one anew, if nobody has since it was seen.

        Raises:
            ApiRefused: somebody has (409), it is gone (404), or it may not be.
            ApiError: it is not known whether it was.
        """
        head = self.head_of(held.id, held)
        body = self._body(held.id, marker, text, head)
        body["metadata"]["resourceVersion"] = held.version
        data = await self._client.send("PUT", self._path(held.name), msgspec.json.encode(body))
        return _written(data, Held(held.id, held.name, marker, text, "", head))

    async def delete(self, held: Held) -> None:
        """Delete one, if nobody has changed it since it was seen.

        Raises:
            ApiRefused: somebody has (409), or it may not be.
            ApiError: it is not known whether it was.
        """
        body = {"preconditions": {"resourceVersion": held.version}}
        try:
            await self._client.send("DELETE", self._path(held.name), msgspec.json.encode(body))
        except ApiRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def head_of(self, shard: ShardId, held: Held | None) -> Head:
        """Return what an object is to say beside claims: the first of our own does."""
        if shard.role is not LedgerRole.OWN or shard.number:
            return Head()
        return self.head or (held.head if held is not None else Head())

    def _path(self, name: str = "") -> str:
        return VIP_LEDGERS.path(VIP_LEDGERS.versions[0], self._namespace, name)

    def _body(self, shard: ShardId, marker: Marker, text: str, head: Head) -> dict[str, Any]:
        settings, uids = msgspec.structs.asdict(head.fingerprint), dict(head.uids)
        said = {"settings": settings} if any(settings.values()) else {}
        said |= {"uids": uids} if uids else {}
        return {
            "apiVersion": f"{VIP_LEDGERS.group}/{VIP_LEDGERS.versions[0]}",
            "kind": VIP_LEDGERS.kind,
            "metadata": {
                "name": shard.name,
                "namespace": self._namespace,
                "labels": {OWNED_BY: self._cluster},
            },
            "spec": {
                "cluster": shard.cluster,
                "role": str(shard.role),
                "marker": {"id": marker.id, "created": format_time(marker.created)},
                "data": text,
                **said,
            },
        }


def _written(data: bytes, held: Held) -> Held:
    """Return an object that was written, with its version.

    Raises:
        ApiError: the answer has none.
    """
    try:
        version = _meta_decoder.decode(data).metadata.resource_version
    except msgspec.MsgspecError as error:
        raise ApiError(f"an answer that is no object: {error}") from error
    return msgspec.structs.replace(held, version=version)


ROLES_OF_CLAIMS = (LedgerRole.OWN, LedgerRole.DEPUTY)
"""What counts as our own ledger; the others are copies."""
