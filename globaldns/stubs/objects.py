"""Objects that tell a cluster's DNS something, and our own record: read, and written one by one.

Standards:
    Kubernetes API Concepts: "Resource versions", DeleteOptions preconditions; RFC 7396 merge patch
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.coredns.targets import Target
from globaldns.errors import ApiRefused, StubError
from globaldns.exports.marks import OWNED_BY
from globaldns.kube.client import JSON, MERGE, Client
from globaldns.kube.resources import CONFIG_MAPS, DNSES, HELM_CHART_CONFIGS, find_version
from globaldns.stubs.reading import get_if_there
from globaldns.stubs.record import NAME, Record, decode_record, encode_record
from globaldns.stubs.shapes import Change, Document, is_apart, patch_between

MANAGER = "globaldns"
RELEASE = "globaldns"
"""ConfigMap with our configuration, which the chart makes and removes."""
_RESOURCES = {str(one): one for one in (CONFIG_MAPS, DNSES, HELM_CHART_CONFIGS)}
_decoder = msgspec.json.Decoder(dict[str, Any])


class Recorded(msgspec.Struct, frozen=True):
    """Our record, and the version of it that was read."""

    record: Record = Record()
    version: str = ""
    """Empty: it is not there."""


class DnsObjects:
    """Those of one cluster. ``dry_run``: the server checks what is written, and keeps nothing."""

    def __init__(
        self, client: Client, namespace: str, cluster: str, *, dry_run: bool = False
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._cluster = cluster
        self.is_dry_run = dry_run
        self._query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})

    async def read(self, place: Target) -> Document | None:
        """Return the object of a place; None: it is not there.

        Raises:
            ApiError: that is not known.
        """
        path = await self._path(place, place.name)
        data = await get_if_there(self._client, path) if path else None
        return None if data is None else _decoder.decode(data)

    async def write(self, change: Change) -> None:
        """Make a change.

        Raises:
            ApiRefused: somebody was faster (409), or it may not be done.
            ApiError: it is not known whether it was done.
            StubError: it was done, and more than the place changed with it; code ``apart``.
        """
        before, after = change.before, change.after
        if before is None:
            path = await self._path(change.place)
            await self._send("POST", path, after or {})
            return
        path = await self._path(change.place, change.place.name)
        if after is None:
            version = before["metadata"]["resourceVersion"]
            await self._send("DELETE", path, {"preconditions": {"resourceVersion": version}})
            return
        patch = patch_between(change.place, before, after)
        written = _decoder.decode(await self._send("PATCH", path, patch))
        if not is_apart(change.place, after, written):
            raise StubError(
                f"{change.place}: more of the object has changed than ours",
                code="apart",
                hint="a webhook of the cluster changes what is written: look at it",
            )

    async def check(self, change: Change) -> None:
        """Have the API server say whether a change may be made, without making it.

        Raises:
            ApiRefused: it may not. What else is against it comes with the writing: a webhook may be
                none that can be tried.
            ApiError: that is not known.
        """
        trying = DnsObjects(self._client, self._namespace, self._cluster, dry_run=True)
        try:
            await trying.write(change)
        except ApiRefused as error:
            if error.status == HTTPStatus.FORBIDDEN:
                raise
        except StubError:
            pass

    async def read_record(self) -> Recorded:
        """Return our record.

        Raises:
            ApiError: it is not known.
            StubError: it cannot be read.
        """
        data = await get_if_there(self._client, self._record_path(NAME))
        document = None if data is None else _decoder.decode(data)
        version = "" if document is None else document["metadata"]["resourceVersion"]
        return Recorded(decode_record(document), version)

    async def write_record(self, before: Recorded, record: Record) -> None:
        """Remember something else; that it is suspended for as long as the release is there.

        Raises:
            ApiRefused: somebody was faster (409), or it may not be done.
            ApiError: it is not known whether it was done.
        """
        labels = {OWNED_BY: self._cluster}
        metadata: dict[str, Any] = {"name": NAME, "namespace": self._namespace, "labels": labels}
        if record.suspended:
            metadata["ownerReferences"] = await self._owners()
        body = {"apiVersion": "v1", "kind": "ConfigMap", "data": encode_record(record)}
        if before.version:
            metadata["resourceVersion"] = before.version
            await self._send("PUT", self._record_path(NAME), {**body, "metadata": metadata})
        else:
            await self._send("POST", self._record_path(), {**body, "metadata": metadata})

    async def delete_record(self, before: Recorded) -> None:
        """Remember nothing any more.

        Raises:
            ApiRefused: somebody was faster (409), or it may not be done.
        """
        body = {"preconditions": {"resourceVersion": before.version}}
        await self._send("DELETE", self._record_path(NAME), body)

    async def _owners(self) -> list[dict[str, str]]:
        """Return the chart's ConfigMap as an owner; none where there is no chart."""
        data = await get_if_there(self._client, self._record_path(RELEASE))
        if data is None:
            return []
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": RELEASE}
        return [{**owner, "uid": _decoder.decode(data)["metadata"]["uid"]}]

    def _record_path(self, name: str = "") -> str:
        return CONFIG_MAPS.path("v1", self._namespace, name)

    async def _path(self, place: Target, name: str = "") -> str:
        """Return the path of an object, or of its kind; empty: the kind is not served."""
        resource = _RESOURCES[place.resource]
        version = await find_version(self._client, resource)
        return "" if version is None else resource.path(version, place.namespace, name)

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> bytes:
        if method == "DELETE" and self.is_dry_run:  # beside options the query does not count
            body = {**body, "dryRun": ["All"]}
        return await self._client.send(
            method,
            path,
            msgspec.json.encode(body),
            query=self._query,
            content_type=MERGE if method == "PATCH" else JSON,
        )
