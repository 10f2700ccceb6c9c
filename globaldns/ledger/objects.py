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
from globaldns.ledger.shards import SHARDS, ShardId
from globaldns.model.claim import Marker, format_time
from globaldns.model.head import Head
from globaldns.objects.own import LedgerRole, VIPLedger

PAGE = 200
"""Objects of one answer: some megabytes."""


class _Meta(msgspec.Struct):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    uid: str = ""


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

    @property
    def age(self) -> int:
        """A number that grows with each version, as Kubernetes promises since 1.35."""
        return int(self.version) if self.version.isdecimal() else 0


_meta_decoder = msgspec.json.Decoder(_Found)
_ledger_decoder = msgspec.json.Decoder(VIPLedger)


def read_object(data: bytes | msgspec.Raw) -> Held | None:
    """Return an object as a server writes it; None: it is no shard of a ledger."""
    try:
        found = _ledger_decoder.decode(data)
        version = _meta_decoder.decode(data).metadata.resource_version
    except msgspec.MsgspecError:
        return None
    spec, name = found.spec, found.metadata.name
    number = name.rpartition("-")[2]
    try:
        shard = ShardId(spec.role, spec.cluster, int(number, 16))
    except ValueError:
        return None
    if shard.name != name or shard.number >= SHARDS:
        return None
    marker = Marker(spec.marker.id, int(spec.marker.created.timestamp()))
    head = Head(spec.settings, tuple(sorted(spec.uids.items())))
    return Held(shard, name, marker, spec.data, version, head)


class LedgerObjects:
    """The VIPLedgers of one namespace."""

    def __init__(self, client: Client, namespace: str, cluster: str) -> None:
        self._client = client
        self._namespace = namespace
        self._cluster = cluster
        self.head: Head | None = None
        """What we say beside claims; None: what stands there."""

    async def list(self) -> AsyncIterator[Held]:
        """Yield all there are.

        Raises:
            ApiError: they are not known.
        """
        async for item in list_objects(self._client, self._path(), {}, page_size=PAGE):
            held = read_object(item)
            if held is not None:
                yield held

    async def get(self, shard: ShardId) -> Held | None:
        """Return one as it is now; None: there is none.

        Raises:
            ApiError: it is not known.
        """
        try:
            return read_object(await self._client.get(self._path(shard.name)))
        except ApiRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

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
