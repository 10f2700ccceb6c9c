"""Documents created, replaced and deleted: one request each, nothing decided.

An object is created by POST, which fails where anybody's has its name, and replaced by PUT with the
version that was seen: an apply would take over what a person made, and leave fields in it that
nobody wants any more. What others wrote into its metadata stays.

Standards:
    Kubernetes API Concepts: "Resource versions", DeleteOptions preconditions
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.apply.routes.patience import Create, Delete, Replace, Step
from globaldns.apply.routes.standing import Document, Standing, is_ours, key_of, read_standing
from globaldns.apply.routes.taken import Holder, read_holder
from globaldns.errors import ApiError, ApiRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.replica import make_namespace
from globaldns.kube.client import Client
from globaldns.kube.listing import list_objects
from globaldns.kube.resources import (
    DESTINATION_RULES,
    GATEWAYS,
    NAMESPACES,
    ROUTE_ENTRIES,
    SERVICES,
    Resource,
)
from globaldns.objects.metadata import ObjectKey

MANAGER = "globaldns"
ROLES = "globaldns-router and globaldns-reader"
"""By which an account may do all this."""
_ROUTES = (ROUTE_ENTRIES, DESTINATION_RULES, GATEWAYS)
_REPLICAS = (SERVICES,)
"""A namespace that was made for one stays: whatever else is in it would go with it."""
_RESOURCES = {one.kind: one for one in (*_ROUTES, *_REPLICAS, NAMESPACES)}
_VERSION = "v1"


def written_resources(*, routes: bool, replicas: bool) -> tuple[Resource, ...]:
    """Return the kinds that are written into a cluster that has routes, or replicated Services."""
    return (*(_ROUTES if routes else ()), *(_REPLICAS if replicas else ()))


class RouteObjects:
    """Those of one cluster."""

    def __init__(self, client: Client, cluster: str) -> None:
        self._client = client
        self.cluster = cluster

    async def list(self, resources: Iterable[Resource]) -> AsyncIterator[Standing]:
        """Yield all there are of some kinds.

        Raises:
            ApiError: they are not known, for one because Istio is not installed.
        """
        query = {"labelSelector": f"{OWNED_BY}={self.cluster}"}
        for resource in resources:
            async for item in list_objects(self._client, resource.path(_VERSION), query):
                standing = read_standing(resource.kind, item, self.cluster)
                if standing is not None:
                    yield standing

    async def list_others(self, resources: Iterable[Resource]) -> AsyncIterator[Holder]:
        """Yield all of some kinds that are not ours.

        Raises:
            ApiError: they are not known.
        """
        query = {"labelSelector": f"{OWNED_BY}!={self.cluster}"}
        for resource in resources:
            async for item in list_objects(self._client, resource.path(_VERSION), query):
                holder = read_holder(resource.kind, item, self.cluster)
                if holder is not None:
                    yield holder

    async def find_holder(self, key: ObjectKey) -> Holder | None:
        """Return who has a name of ours; None: we have it, or nobody has.

        Raises:
            ApiError: that is not known.
        """
        try:
            data = await self._client.get(path_of(key))
        except ApiRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return read_holder(key.kind, data, self.cluster)

    async def read_entry(self, namespace: str, name: str) -> Document | None:
        """Return a ServiceEntry, whoever's it is; None: there is none.

        Raises:
            ApiError: that is not known.
        """
        try:
            data = await self._client.get(path_of(ObjectKey("ServiceEntry", namespace, name)))
        except ApiRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        found: Document = msgspec.json.decode(data)
        return found

    async def take(self, step: Step, *, dry_run: bool = False) -> Standing | None:
        """Take a step; return the object as it is then, None: it is gone, or not ours any more.

        Raises:
            ApiRefused: somebody was faster (409), it or its namespace is gone (404), or it may not
                be done.
            ApiError: it is not known whether it was done.
        """
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        match step:
            case Create(document):
                return await self._create(document, query)
            case Replace(standing, document):
                key, body = standing.key, replacement(standing.document, document)
                return await self._send("PUT", path_of(key), key, body, query)
            case Delete(standing):
                await self._delete(standing, dry_run=dry_run)
                return None

    async def _create(self, document: Document, query: dict[str, str]) -> Standing | None:
        """Create an object; a replicated Service has its namespace made before it."""
        key = key_of(document)
        path = _resource(key).path(_VERSION, key.namespace)
        try:
            return await self._send("POST", path, key, document, query)
        except ApiRefused as error:
            if key.kind != SERVICES.kind or error.status != HTTPStatus.NOT_FOUND:
                raise
        home = make_namespace(key.namespace, self.cluster)
        await self._client.send("POST", NAMESPACES.path(_VERSION), _encode(home), query=query)
        if "dryRun" in query:
            return None  # there is no namespace to try it in
        return await self._send("POST", path, key, document, query)

    async def _send(
        self, method: str, path: str, key: ObjectKey, body: Document, query: dict[str, str]
    ) -> Standing | None:
        data = await self._client.send(method, path, _encode(body), query=query)
        standing = read_standing(key.kind, data, self.cluster)
        if standing is None and is_ours(body):
            raise ApiError(f"an answer that is no {key.kind} of ours")
        return standing

    async def _delete(self, standing: Standing, *, dry_run: bool) -> None:
        options: Document = {"preconditions": {"resourceVersion": standing.version}}
        if dry_run:  # beside options a query does not count
            options["dryRun"] = ["All"]
        try:
            await self._client.send("DELETE", path_of(standing.key), _encode(options))
        except ApiRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise


def replacement(before: Document, after: Document) -> Document:
    """Return an object as it is replaced: ours in all but what others wrote into its metadata."""
    metadata = before["metadata"]
    labels = {**(metadata.get("labels") or {}), **after["metadata"].get("labels", {})}
    if not is_ours(after):
        labels.pop(OWNED_BY, None)
    replaced = {**after, "metadata": {**metadata, "labels": labels}}
    if after["kind"] == SERVICES.kind:  # what the API server has chosen may not change
        replaced["spec"] = {**(before.get("spec") or {}), **after["spec"]}
    return replaced


def path_of(key: ObjectKey) -> str:
    """Return the path of an object."""
    return _resource(key).path(_VERSION, key.namespace, key.name)


def _resource(key: ObjectKey) -> Resource:
    return _RESOURCES[key.kind]


def _encode(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)
