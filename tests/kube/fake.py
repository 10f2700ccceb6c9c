"""An API server in this process, over HTTP, with the semantics that clients depend on.

It is held to the real one by ``tests/kube/contract.py``. What it leaves out: schemas (nothing is
validated, pruned or defaulted, but for what server-side apply does with a map that lost all),
lists merged by key in server-side apply (a list is one value), strategic merge patch and JSON
patch, generateName, admission, graceful deletion, and the real one's delays: a definition is served
at once, a resourceVersion from the future is refused at once, and a server that starts is ready.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

from aiohttp import web

from tests.kube.apiserver.access import Access, Asked, Fault, Pattern
from tests.kube.apiserver.handling import Api, handle
from tests.kube.apiserver.resources import DEFINITIONS, NAMESPACES, Resource, definition
from tests.kube.apiserver.storage import Key, Object, Snapshot, Storage
from tests.kube.apiserver.writing import Target, Writer
from tests.kube.kubeconfig import kubeconfig

TEST_MANAGER = "kubectl"
"""Whose the fields are that a test puts."""
LEASE = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "apiserver", "namespace": "kube-system"},
}
BIRTH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CEILING_SECONDS = 20.0
"""For what must happen; nothing waits it out when it does."""
LARGEST_BODY = 3_145_728
"""Bytes of a request."""

__all__ = ["FakeApiServer", "Resource", "definition"]


class FakeApiServer:
    """A cluster's API server; ``async with`` starts and stops it.

    Objects that a test puts or deletes are seen by lists and watches as everybody's are. Its clock
    is one second later whenever it is read.
    """

    def __init__(
        self, *served: Resource, bookmark_interval: float = 60.0, token: str = "token"
    ) -> None:
        self.token = token
        self._ticks = 0
        self.storage = Storage()
        self._access = Access(token)
        self._api = Api(self.storage, self._access, self._now, bookmark_interval)
        self._runner: web.AppRunner | None = None
        self._reserved = _reserve_port()
        self._begin()
        self.serve(*served)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()
        self._reserved.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._reserved.getsockname()[1]}"

    def kubeconfig(self, name: str = "fake", token: str | None = None) -> dict[str, Any]:
        """Return a kubeconfig with one context for the present token, or for another."""
        return kubeconfig(name, self.url, {"token": token or self.token})

    # The process

    async def start(self) -> None:
        """Listen, on the port of before.

        As on a real server its first act is a write of its own (its lease), and its watch cache
        begins there: every older resourceVersion, even the last that a client saw, is 410.
        """
        self.put({**LEASE, "spec": {"renewTime": self._now()}})
        self.storage.forget_events()

        async def answer(request: web.Request) -> web.StreamResponse:
            return await handle(self._api, request)

        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.05
        )
        await runner.setup()
        _, port = self._reserved.getsockname()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self._runner = runner

    async def stop(self) -> None:
        """Reset every connection and refuse new ones; what is stored stays."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        self.cut_watches(abruptly=True)
        await runner.cleanup()

    # What a test asks and changes

    @property
    def revision(self) -> int:
        """The resourceVersion of the newest write."""
        return self.storage.revision

    @property
    def uid(self) -> str:
        """The uid of ``kube-system``, which names the cluster."""
        namespace = self.storage.get(Key(NAMESPACES.id, "", "kube-system"))
        assert namespace is not None
        uid: str = namespace["metadata"]["uid"]
        return uid

    def put(self, manifest: Mapping[str, Any]) -> Object:
        """Write an object whole, with its status; it and its namespace are created as needed."""
        group, _, version = str(manifest["apiVersion"]).rpartition("/")
        resource = next(
            each
            for each in self._api.resources()
            if (each.group, each.kind) == (group, manifest["kind"]) and version in each.versions
        )
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace", "default") if resource.namespaced else ""
        if namespace:
            self.add_namespace(namespace)
        target = Target(resource, version, namespace, metadata["name"])
        old = self.storage.get(target.key)
        writer = Writer(self.storage, self._now)
        plain = {k: v for k, v in metadata.items() if k not in {"resourceVersion", "uid"}}
        manifest = {**manifest, "metadata": plain}
        if old is None:
            written = writer.create(target, manifest, TEST_MANAGER)
        else:
            manifest["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            written = writer.update(target, manifest, TEST_MANAGER)
        if resource.status and "status" in manifest and written.get("status") != manifest["status"]:
            status = {**written, "status": manifest["status"]}
            target = Target(resource, version, namespace, metadata["name"], "status")
            written = writer.update(target, status, TEST_MANAGER)
        return written

    def delete(self, resource: str, name: str, namespace: str = "") -> None:
        """Delete an object; ``resource`` is ``plural`` or ``plural.group``."""
        found = self._find(resource)
        target = Target(found, found.versions[0], namespace, name)
        Writer(self.storage, self._now).delete(target, {})

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return an object as it is stored; None if there is none."""
        return self.storage.get(Key(self._find(resource).id, namespace, name))

    def objects(self, resource: str, namespace: str = "") -> list[Object]:
        """Return a resource's objects in order; of all namespaces without one."""
        return [item for _, item in self.storage.select(self._find(resource).id, namespace)]

    def add_namespace(self, name: str) -> None:
        """Create a namespace unless it is there."""
        if self.storage.get(Key(NAMESPACES.id, "", name)) is None:
            body = {"metadata": {"name": name}}
            Writer(self.storage, self._now).create(
                Target(NAMESPACES, "v1", "", ""), body, TEST_MANAGER
            )

    def serve(self, *resources: Resource) -> None:
        """Install the definitions of resources; before that they are 404."""
        for each in resources:
            self.put(definition(each))

    def unserve(self, *resources: str) -> None:
        """Remove definitions (``plural.group``), and all their objects with them."""
        for each in resources:
            self.delete(DEFINITIONS.id, each)

    def end(self, resource: str) -> None:
        """Begin to remove a definition: it is marked, then its objects go one by one."""
        found = self._find(resource)
        key = Key(DEFINITIONS.id, "", found.id)
        marked = self.storage.get(key)
        assert marked is not None
        metadata = {**marked["metadata"], "deletionTimestamp": self._now()}
        self.storage.commit(key, {**marked, "metadata": metadata})
        for item in self.objects(found.id):
            metadata = item["metadata"]
            self.delete(found.id, metadata["name"], metadata.get("namespace", ""))

    # What can go wrong

    def compact(self) -> None:
        """Forget history: older resourceVersions and continue tokens are 410 from now on."""
        self.storage.compact()

    def snapshot(self) -> Snapshot:
        """Return what is stored, as a backup of etcd has it."""
        return self.storage.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Be what a backup was: older contents, and the resourceVersion goes back."""
        self.storage.restore(snapshot)
        self.cut_watches(abruptly=True)

    def rebuild(self) -> None:
        """Be another cluster at the same address: a new uid, and nothing is stored or served."""
        self.restore(Snapshot(1, {}))
        self._begin()

    def cut_watches(self, *, abruptly: bool = False) -> None:
        """End every watch, as a server does after its time; or reset the connections."""
        for watch, request in list(self._api.watches.items()):
            if abruptly and request.transport is not None:
                request.transport.abort()
            watch.end()

    def stall_watches(self, stalled: bool = True) -> None:  # noqa: FBT001, FBT002
        """Send nothing more on any watch, or go on with what has waited."""
        self._api.stalled = stalled
        for watch in self._api.watches:
            watch.stall(stalled=stalled)

    def fail_watches(self, code: int) -> None:
        """End every open watch with an ERROR event."""
        for watch in list(self._api.watches):
            watch.fail(Fault(Pattern(), code, 1).error())

    def stall_requests(self, stalled: bool = True) -> None:  # noqa: FBT001, FBT002
        """Answer nothing, with the connections open; or go on with what has waited."""
        (self._api.open.clear if stalled else self._api.open.set)()

    def fail(
        self,
        code: int,
        *,
        times: int = 1,
        verb: str = "*",
        resource: str = "*",
        namespace: str = "*",
        retry_after: int | None = None,
    ) -> None:
        """Let the next requests fail with a status; with 0 their connection is reset."""
        pattern = Pattern(verb, resource, namespace)
        self._access.faults.append(Fault(pattern, code, times, retry_after))

    def recover(self) -> None:
        """Forget the failures that have not happened."""
        self._access.faults.clear()

    def deny(
        self, verb: str = "*", resource: str = "*", namespace: str = "*", user: str = "*"
    ) -> None:
        """Answer 403; namespace ``""`` is the cluster scope alone, ``*`` is everywhere."""
        self._access.denied.append(Pattern(verb, resource, namespace, user))

    def allow(self) -> None:
        """Forget every denial."""
        self._access.denied.clear()

    def add_token(self, token: str, user: str) -> None:
        """Let another user in."""
        self._access.tokens[token] = user

    def revoke(self, token: str) -> None:
        """Answer a token with 401 from now on; open watches go on, as on a real server."""
        self._access.tokens.pop(token, None)

    def renew_token(self) -> str:
        """Revoke the token and return the new one, which kubeconfigs have from now on."""
        self.revoke(self.token)
        self.token += "+"
        self.add_token(self.token, "admin")
        return self.token

    def send_bookmarks(self) -> None:
        """Send a BOOKMARK now on each watch that allows it and was not told of the last write."""
        for watch in self._api.watches:
            watch.bookmark()

    @property
    def streaming_lists(self) -> bool:
        """Whether ``sendInitialEvents`` is known; a server without it answers 422."""
        return self._api.streaming_lists

    @streaming_lists.setter
    def streaming_lists(self, known: bool) -> None:
        self._api.streaming_lists = known

    # What was asked

    @property
    def asked(self) -> list[Asked]:
        """Every request, in order; a test may clear it."""
        return self._api.asked

    @property
    def open_watches(self) -> int:
        return len(self._api.watches)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Look, after each request, write, and opened or ended watch, until a condition holds."""
        async with asyncio.timeout(CEILING_SECONDS):
            while not holds():
                self._api.changed.clear()
                await self._api.changed.wait()

    def count(self, verb: str = "*", resource: str = "*", namespace: str = "*") -> int:
        """Return how many requests fit; ``things/status`` is a resource too."""
        pattern = Pattern(verb, resource, namespace)
        return sum(pattern.fits(asked) for asked in self._api.asked)

    def counts(self) -> Counter[tuple[str, str]]:
        """Return requests by verb and resource (``plural`` or ``plural/status``)."""
        return Counter((asked.verb, asked.full) for asked in self._api.asked)

    def _begin(self) -> None:
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self.add_namespace(name)

    def _now(self) -> str:
        self._ticks += 1
        return (BIRTH + dt.timedelta(seconds=self._ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _find(self, resource: str) -> Resource:
        served = self._api.resources()
        return next(each for each in served if resource in {each.id, each.plural})


def _reserve_port() -> socket.socket:
    """Return a socket that keeps a port for a server that stops and starts; it never listens."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
