"""What stands beside our routes in a cluster, read when somebody asks; ``lookout`` follows it.

What may not be read, or is not there, is as if there were nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
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
from globaldns.istio.surroundings import MESH_KEY, config_name, describe_surroundings
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

ASK_SECONDS = 20.0
"""For all of it."""
Found = TypeVar("Found", bound=Resource)
_ISTIO = "networking.istio.io"


class Istiods(msgspec.Struct, frozen=True):
    """Whose mesh configurations are read."""

    namespace: str
    revisions: tuple[str, ...] = ("",)
    """Empty: the istiod that has none."""


def istiods_of(config: Config) -> Istiods:
    """Return those of a configuration."""
    return Istiods(config.system_namespace, ("", *config.routing.istio_revisions))


async def ask_surroundings(client: Client, istiods: Istiods) -> Surroundings:
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
    sidecars = await _list(client, SIDECARS, Sidecar, {}) or ()
    meshes = {"": MeshConfig()}
    for revision in istiods.revisions:
        name = config_name(revision)
        try:
            data = await client.get(CONFIG_MAPS.path("v1", istiods.namespace, name))
            meshes[revision] = read_mesh(msgspec.json.decode(data, type=ConfigMap))
        except (ApiRefused, msgspec.MsgspecError) as error:
            tell_unread(f"ConfigMap {istiods.namespace}/{name}", error)
    namespaces = None
    if any(mesh.discovery_selectors for mesh in meshes.values()):
        found = await _list(client, NAMESPACES, Namespace, {})
        namespaces = {one.metadata.name: one.metadata.labels for one in found or ()} or None
    return describe_surroundings(rules, sidecars, meshes, namespaces, istiods.namespace)


async def _list(
    client: Client, resource: Served, kind: type[Found], query: Mapping[str, str]
) -> list[Found] | None:
    """Return the objects of a kind; None: they may not be read.

    What has another shape is passed over, as istiod does.
    """
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
        tell_unread(str(resource), error)
        return None
    return found


def _convert(value: Any, kind: type[Found]) -> list[Found]:
    try:
        return [msgspec.convert(value, kind)]
    except msgspec.ValidationError:
        return []


def tell_unread(what: str, error: Exception) -> None:
    """Say that something may not be read; that it is not there is no news."""
    is_absent = isinstance(error, ApiRefused) and error.status == HTTPStatus.NOT_FOUND
    level = logging.DEBUG if is_absent else logging.INFO
    logger.log(
        level,
        "what hides routes is not known as a whole",
        extra={"kind": what, "reason": str(error)},
    )


def find_surroundings(root: Path, istiods: Istiods) -> Surroundings:
    """Return what the manifests of a directory have beside our routes."""
    named = {(istiods.namespace, config_name(one)): one for one in istiods.revisions}
    meshes: dict[str, MeshConfig] = {}
    for config_map in _find(root, "", ConfigMap):
        if (revision := named.get(_name(config_map))) is not None:
            meshes.setdefault(revision, read_mesh(config_map))
    meshes.setdefault("", MeshConfig())
    namespaces = None
    if any(mesh.discovery_selectors for mesh in meshes.values()):
        namespaces = {one.metadata.name: one.metadata.labels for one in _find(root, "", Namespace)}
    rules = (
        rule
        for rule in _find(root, _ISTIO, DestinationRule)
        if OWNED_BY not in rule.metadata.labels
    )
    sidecars = _find(root, _ISTIO, Sidecar)
    return describe_surroundings(rules, sidecars, meshes, namespaces, istiods.namespace)


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


def read_mesh(found: ConfigMap) -> MeshConfig:
    """Return istiod's configuration; what cannot be read is as Istio's defaults."""
    try:
        documents = read_documents((found.data or {}).get(MESH_KEY, ""))
        return msgspec.convert(documents[0], MeshConfig) if documents else MeshConfig()
    except (DocumentError, msgspec.ValidationError) as error:
        tell_unread(f"ConfigMap {'/'.join(_name(found))}", error)
        return MeshConfig()


def read_surroundings(config: Config, cluster: str) -> Surroundings:
    """Return what a cluster has beside its routes, read once; nothing where it is out of reach."""
    source, istiods = config.clusters[ClusterId(cluster)].source, istiods_of(config)
    if source.directory is not None:
        return find_surroundings(source.directory, istiods)
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.applying import find_access  # noqa: PLC0415

    try:
        access = find_access(config, cluster, hint=f"globaldns export --cluster {cluster}")
        return asyncio.run(_ask_once(access, istiods))
    except (ApiError, RequestRefused) as error:
        tell_unread(cluster, error)
        return Surroundings()


async def _ask_once(access: Access, istiods: Istiods) -> Surroundings:
    from globaldns.kube.client import Client  # noqa: PLC0415  # as above

    client = Client(access)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await ask_surroundings(client, istiods)
    except TimeoutError:
        raise ApiError(f"{access.name} does not answer in time") from None
    finally:
        await client.close()
