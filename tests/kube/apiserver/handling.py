"""HTTP requests to the API, and their answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from aiohttp import web

from tests.kube.apiserver import discovery
from tests.kube.apiserver.access import PUBLIC, Access, Asked, review
from tests.kube.apiserver.listing import list_page, parse_version
from tests.kube.apiserver.resources import BUILTINS, DEFINITIONS, Resource, defined
from tests.kube.apiserver.selectors import parse_selection
from tests.kube.apiserver.statuses import (
    ApiError,
    PageNotFound,
    invalid_options,
    named,
    not_found,
    too_large_version,
)
from tests.kube.apiserver.storage import Event, Key, Object, Storage
from tests.kube.apiserver.targets import Path, parse_path, verb_of
from tests.kube.apiserver.watching import Wanted, Watch, start
from tests.kube.apiserver.writing import Target, Writer

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
YES = {"1", "true", "True"}
ACCESS_REVIEWS = "selfsubjectaccessreviews"


@dataclass(slots=True)
class Api:
    """What the requests of one server share."""

    storage: Storage
    access: Access
    now: Callable[[], str]
    bookmark_interval: float
    streaming_lists: bool = True
    watches: dict[Watch, web.Request] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    stalled: bool = False
    """Whether watches are sent nothing."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared while no request is answered."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every request, write, and open or ended watch."""

    def __post_init__(self) -> None:
        self.open.set()
        self.storage.subscribers.add(self._see)

    def _see(self, event: Event) -> None:
        """End the watches of a resource whose definition changes or goes."""
        self.changed.set()
        if event.key.resource != DEFINITIONS.id or _is_only_marked(event):
            return
        for watch in self.watches:
            if watch.wanted.resource.id == event.key.name:
                watch.end()

    def resources(self) -> list[Resource]:
        """What is served now."""
        stored = self.storage.select(DEFINITIONS.id)
        return [*BUILTINS, *(defined(manifest) for _, manifest in stored)]

    def resource(self, path: Path) -> Resource:
        """Return what a path is about.

        Raises:
            PageNotFound: nobody serves that.
        """
        for each in self.resources():
            is_named = (each.group, each.plural) == (path.group, path.plural)
            if is_named and path.version in each.versions:
                return each
        if path.group in {each.group for each in BUILTINS}:
            raise ApiError(404, "the server could not find the requested resource")
        raise PageNotFound


def _is_only_marked(event: Event) -> bool:
    """Whether an object says what it said, whatever is noted about it."""
    return bool(event.old and event.new and event.old["spec"] == event.new["spec"])


async def handle(api: Api, request: web.Request) -> web.StreamResponse:
    """Answer a request, with a Status where it fails."""
    try:
        return await _answer(api, request)
    except PageNotFound:
        return web.Response(status=404, text="404 page not found\n")
    except ApiError as error:
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return web.json_response(error.body, status=error.code, headers=headers)


async def _answer(api: Api, request: web.Request) -> web.StreamResponse:
    path = parse_path(request.path)
    asked = _asked(request, path)
    api.asked.append(asked)
    api.changed.set()
    await api.open.wait()
    fault = api.access.take_fault(asked)
    if fault is not None and fault.code == 0:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if fault is not None:
        raise fault.error()
    user = api.access.user_of(request.headers.get("Authorization", ""))
    if not path.plural:
        return _answer_path(api, request, path, user)
    if path.plural == ACCESS_REVIEWS:
        body = await _read(request)
        status = {"allowed": review(api.access, body["spec"], user)}
        return web.json_response({**body, "status": status}, status=201)
    api.access.authorize(asked, user)
    resource = api.resource(path)
    if path.subresource and not (path.subresource == "status" and resource.status):
        raise not_found(resource.id, path.name)
    if asked.verb == "watch":
        return await _watch(api, request, _wanted(resource, path, request.query))
    return await _answer_object(api, request, path, asked, resource)


def _asked(request: web.Request, path: Path) -> Asked:
    resource = f"{path.plural}.{path.group}".rstrip(".")
    return Asked(
        verb_of(request.method, path, watch=request.query.get("watch") in YES),
        resource,
        path.namespace,
        path.name,
        path.subresource,
        dict(request.query),
        request.content_type if request.can_read_body else "",
        request.headers.get("User-Agent", ""),
    )


def _answer_path(api: Api, request: web.Request, path: Path, user: str) -> web.Response:
    """Answer what is not a resource: health, version, discovery."""
    where = request.path.rstrip("/")
    if where in PUBLIC - {"/version"}:
        return web.Response(text="ok")
    if where != "/version" and user == "system:anonymous":
        raise ApiError(403, f'forbidden: User "{user}" cannot get path "{request.path}"')
    document = discovery.document(where, path, api.resources())
    if document is None:
        raise PageNotFound
    return web.json_response(document)


async def _answer_object(
    api: Api, request: web.Request, path: Path, asked: Asked, resource: Resource
) -> web.Response:
    query = request.query
    wanted = _wanted(resource, path, query)
    if asked.verb == "list":
        return web.json_response(list_page(api.storage, wanted, query))
    target = Target(resource, path.version, path.namespace, path.name, path.subresource)
    if asked.verb == "get":
        version = parse_version(query.get("resourceVersion", ""))
        if version > api.storage.revision:
            raise too_large_version(version, api.storage.revision)
        return _show(wanted, api.storage.get(target.key), target)
    has_options = asked.verb == "delete" and request.body_exists
    body = await _read(request)
    # Of a delete the query is read where the body is empty.
    dry_run = body.get("dryRun") == ["All"] if has_options else query.get("dryRun") == "All"
    writer = Writer(api.storage, api.now, dry_run=dry_run)
    if asked.verb == "delete":
        return _deleted(wanted, writer.delete(target, body.get("preconditions") or {}), target)
    if asked.verb == "deletecollection":
        page = list_page(api.storage, wanted, query)
        for item in page["items"]:
            key = Key(resource.id, item["metadata"].get("namespace", ""), item["metadata"]["name"])
            writer.delete(Target(resource, path.version, key.namespace, key.name), {})
        return web.json_response(page)
    before = api.storage.get(target.key)
    written = _write(writer, request, asked.verb, target, body)
    status = 201 if before is None else 200
    return web.json_response(wanted.present(written), status=status)


def _write(
    writer: Writer, request: web.Request, verb: str, target: Target, body: Mapping[str, Any]
) -> Object:
    query = request.query
    manager = query.get("fieldManager", "")
    fallback = manager or request.headers.get("User-Agent", "").partition("/")[0] or "unknown"
    if verb == "create":
        return writer.create(target, body, fallback)
    if verb == "update":
        return writer.update(target, body, fallback)
    is_apply = request.content_type == APPLY
    if is_apply and not manager:
        why = "Required value: is required for apply patch"
        raise invalid_options("PatchOptions", "fieldManager", why, "FieldValueRequired")
    if is_apply:
        return writer.apply(target, body, manager, force=query.get("force") in YES)
    if query.get("force"):
        why = "Forbidden: may not be specified for non-apply patch"
        raise invalid_options("PatchOptions", "force", why, "FieldValueForbidden")
    if request.content_type != MERGE:
        types = f"accepted media types include: {MERGE}, {APPLY}"
        raise ApiError(415, f"the body of the request was in an unknown format - {types}")
    return writer.merge_patch(target, body, fallback)


async def _read(request: web.Request) -> Mapping[str, Any]:
    try:
        text = await request.text()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(413, "Request entity too large: limit is 3145728") from error
    try:
        body = yaml.safe_load(text) if request.content_type == APPLY else json.loads(text or "{}")
    except (ValueError, yaml.YAMLError) as error:
        raise ApiError(400, f"the object provided is unrecognized: {error}") from error
    if not isinstance(body, Mapping):
        raise ApiError(400, "the object provided is unrecognized: it is no mapping")
    return body


def _show(wanted: Wanted, item: Object | None, target: Target) -> web.Response:
    if item is None:
        raise not_found(target.resource.id, target.name)
    return web.json_response(wanted.present(item))


def _deleted(wanted: Wanted, item: Object, target: Target) -> web.Response:
    metadata = item["metadata"]
    if target.resource.deletion_shows_object or metadata.get("finalizers"):
        return web.json_response(wanted.present(item))
    details = named(target.resource.id, target.name, uid=metadata["uid"])
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return web.json_response({**status, "details": details})


def _wanted(resource: Resource, path: Path, query: Mapping[str, str]) -> Wanted:
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    timeout = query.get("timeoutSeconds")
    return Wanted(
        resource,
        path.version,
        path.namespace,
        parse_selection(resource, labels, fields),
        is_selective=bool(labels or fields),
        bookmarks=query.get("allowWatchBookmarks") in YES,
        timeout=float(timeout) if timeout and timeout != "0" else None,
    )


async def _watch(api: Api, request: web.Request, wanted: Wanted) -> web.StreamResponse:
    query = request.query
    _check_streaming(api, query)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    watch = start(wanted, api.storage, query)
    watch.stall(stalled=api.stalled)
    api.watches[watch] = request
    api.changed.set()
    api.storage.subscribers.add(watch.see)
    try:
        await response.prepare(request)
        await watch.run(response, api.bookmark_interval)
        await response.write_eof()
    except ConnectionError:
        pass
    finally:
        api.storage.subscribers.discard(watch.see)
        del api.watches[watch]
        api.changed.set()
    return response


def _check_streaming(api: Api, query: Mapping[str, str]) -> None:
    initial, match = query.get("sendInitialEvents"), query.get("resourceVersionMatch")
    if initial is None and match:
        why = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents"
        why += " is provided"
        raise invalid_options("ListOptions", "resourceVersionMatch", why, "FieldValueForbidden")
    if initial is None:
        return
    if match != "NotOlderThan":
        why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise invalid_options("ListOptions", "resourceVersionMatch", why, "FieldValueForbidden")
    if not api.streaming_lists:
        why = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature"
        why += " gate is enabled"
        raise invalid_options("ListOptions", "sendInitialEvents", why, "FieldValueForbidden")
