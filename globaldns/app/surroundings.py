"""What stands beside our routes in a cluster, read when somebody asks.

What may not be read, or is not there, is as if there were nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from globaldns.config.kinds import ClusterId
from globaldns.config.schema import Config
from globaldns.documents import read_documents
from globaldns.errors import ApiError, ApiRefused, DocumentError, RequestRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.hiding import Surroundings
from globaldns.istio.surroundings import MESH_CONFIG, MESH_KEY, describe_surroundings
from globaldns.objects.istio import DestinationRule, MeshConfig, Sidecar
from globaldns.objects.kubernetes import ConfigMap, Namespace
from globaldns.objects.metadata import Resource
from globaldns.sources.manifest import read_text, walk
from globaldns.sources.scan import scan

if TYPE_CHECKING:
    from globaldns.kube.client import Client
    from globaldns.kube.kubeconfig import Access
    from globaldns.kube.resources import Resource as Served

logger = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
"""How old what a server knows may be: people change such objects seldom."""
ASK_SECONDS = 20.0
"""For all of it."""
Found = TypeVar("Found", bound=Resource)
_ISTIO = "networking.istio.io"


async def ask_surroundings(client: Client, system_namespace: str) -> Surroundings:
    """Return what an API server has beside our routes.

    Raises:
        ApiError: it does not answer.
    """
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.kube.resources import (  # noqa: PLC0415
        CONFIG_MAPS,
        DESTINATION_RULES,
        NAMESPACES,
        SIDECARS,
    )

    others = {"labelSelector": f"!{OWNED_BY}"}
    rules = await _list(client, DESTINATION_RULES, DestinationRule, others)
    sidecars = await _list(client, SIDECARS, Sidecar, {})
    try:
        path = CONFIG_MAPS.path("v1", system_namespace, MESH_CONFIG)
        mesh = _read_mesh(msgspec.json.decode(await client.get(path), type=ConfigMap))
    except (ApiRefused, msgspec.MsgspecError) as error:
        _tell_unread(f"ConfigMap {system_namespace}/{MESH_CONFIG}", error)
        mesh = MeshConfig()
    namespaces = None
    if mesh.discovery_selectors:
        found = await _list(client, NAMESPACES, Namespace, {})
        namespaces = {one.metadata.name: one.metadata.labels for one in found} or None
    return describe_surroundings(rules, sidecars, mesh, namespaces, system_namespace)


async def _list(
    client: Client, resource: Served, kind: type[Found], query: Mapping[str, str]
) -> list[Found]:
    """Return the objects of a kind; what has another shape is passed over, as istiod does."""
    from globaldns.kube.listing import list_objects  # noqa: PLC0415  # as above
    from globaldns.kube.resources import find_version  # noqa: PLC0415

    found: list[Found] = []
    try:
        version = await find_version(client, resource)
        if version is None:
            return []
        async for data in list_objects(client, resource.path(version), query):
            found += _convert(msgspec.json.decode(data), kind)
    except ApiRefused as error:
        _tell_unread(str(resource), error)
        return []
    return found


def _convert(value: Any, kind: type[Found]) -> list[Found]:
    try:
        return [msgspec.convert(value, kind)]
    except msgspec.ValidationError:
        return []


def _tell_unread(what: str, error: Exception) -> None:
    is_absent = isinstance(error, ApiRefused) and error.status == HTTPStatus.NOT_FOUND
    level = logging.DEBUG if is_absent else logging.INFO
    logger.log(
        level,
        "what hides routes is not known as a whole",
        extra={"kind": what, "reason": str(error)},
    )


def find_surroundings(root: Path, system_namespace: str) -> Surroundings:
    """Return what the manifests of a directory have beside our routes."""
    named = (system_namespace, MESH_CONFIG)
    meshes = (one for one in _find(root, "", ConfigMap) if _name(one) == named)
    mesh = next(map(_read_mesh, meshes), MeshConfig())
    namespaces = None
    if mesh.discovery_selectors:
        namespaces = {one.metadata.name: one.metadata.labels for one in _find(root, "", Namespace)}
    rules = (
        rule
        for rule in _find(root, _ISTIO, DestinationRule)
        if OWNED_BY not in rule.metadata.labels
    )
    sidecars = _find(root, _ISTIO, Sidecar)
    return describe_surroundings(rules, sidecars, mesh, namespaces, system_namespace)


def _find(root: Path, group: str, kind: type[Found]) -> Iterator[Found]:
    """Yield the objects of a kind; files that cannot be read are their source's to report."""
    for path in scan(root).files:
        text = read_text(root, path)
        if text is None or kind.kind not in text:  # reading YAML is slow
            continue
        with suppress(DocumentError):
            for _, _, value in walk(text):
                of = str(value.get("apiVersion", "")).rpartition("/")[0]
                if (of, value.get("kind")) == (group, kind.kind):
                    yield from _convert(value, kind)


def _name(resource: Resource) -> tuple[str, str]:
    return resource.metadata.namespace, resource.metadata.name


def _read_mesh(found: ConfigMap) -> MeshConfig:
    """Return istiod's configuration; what cannot be read is as Istio's defaults."""
    try:
        documents = read_documents((found.data or {}).get(MESH_KEY, ""))
        return msgspec.convert(documents[0], MeshConfig) if documents else MeshConfig()
    except (DocumentError, msgspec.ValidationError) as error:
        _tell_unread(f"ConfigMap {'/'.join(_name(found))}", error)
        return MeshConfig()


class Lookout:
    """Looks at what stands beside the routes of a running server, now and then."""

    def __init__(self, client: Client, system_namespace: Callable[[], str]) -> None:
        self.around = Surroundings()
        """As it was seen last."""
        self._client = client
        self._system_namespace = system_namespace

    async def run(self) -> None:
        """Look for ever."""
        try:
            while True:
                try:
                    self.around = await ask_surroundings(self._client, self._system_namespace())
                except ApiError as error:
                    logger.debug("surroundings are not read", extra={"reason": str(error)})
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._client.close()


def read_surroundings(config: Config, cluster: str) -> Surroundings:
    """Return what a cluster has beside its routes, read once; nothing where it is out of reach."""
    source, system_namespace = config.clusters[ClusterId(cluster)].source, config.system_namespace
    if source.directory is not None:
        return find_surroundings(source.directory, system_namespace)
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.applying import find_access  # noqa: PLC0415

    try:
        access = find_access(config, cluster, hint=f"globaldns export --cluster {cluster}")
        return asyncio.run(_ask_once(access, system_namespace))
    except (ApiError, RequestRefused) as error:
        _tell_unread(cluster, error)
        return Surroundings()


async def _ask_once(access: Access, system_namespace: str) -> Surroundings:
    from globaldns.kube.client import Client  # noqa: PLC0415  # as above

    client = Client(access)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await ask_surroundings(client, system_namespace)
    except TimeoutError:
        raise ApiError(f"{access.name} does not answer in time") from None
    finally:
        await client.close()
