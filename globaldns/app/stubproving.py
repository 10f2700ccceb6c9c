"""How a cluster's DNS answers for our zones, and what is configured there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from globaldns.app.asking import ask_paths, find_alive
from globaldns.app.stubbing import Looked, ask_cluster, choose_servers, make_stub
from globaldns.config.schema import Config
from globaldns.coredns.inspection import inspect
from globaldns.coredns.platforms import Detection, ManagedElsewhere, Platform
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target
from globaldns.errors import StubError
from globaldns.kube.client import Client
from globaldns.stubs.diagnosis import CLUSTER_DNS, NODE_LOCAL, Evidence, Place, explain
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.shapes import Document
from globaldns.stubs.verification import DIRECT, QueryPath, Verdict, own_paths
from globaldns.tasks import wall_clock

_CLUSTER_DOMAIN = "cluster.local"
_CACHES = frozenset({Platform.NODE_LOCAL, Platform.AKS_LOCAL_DNS})


def verify(
    config: Config, cluster: str, looked: Looked, through: tuple[QueryPath, ...], *, wait: float
) -> tuple[Verdict, ...]:
    """Ask our servers, and the ways of pods' questions or those that are given; ``wait``: seconds.

    What is configured is looked at whatever is answered: a server goes on with what it read before.

    Raises:
        StubError: it is not known where our servers are.
        ApiError: the cluster cannot be asked what is configured.
    """
    stub = looked.record.stub or make_stub(config, choose_servers(looked, ()))
    paths = (*own_paths(stub), *(through or looked.paths))
    verdicts = asyncio.run(ask_paths(stub, paths, cluster=cluster, wait=wait))

    async def look_into(client: Client) -> tuple[Verdict, ...]:
        objects = DnsObjects(client, config.namespace, cluster)
        return explain(verdicts, await gather(objects, looked, stub, verdicts))

    return ask_cluster(config, cluster, look_into)


async def gather(
    objects: DnsObjects, looked: Looked, stub: Stub, verdicts: Iterable[Verdict]
) -> Evidence:
    """Return what is known of the ways of these verdicts.

    Raises:
        ApiError: the cluster cannot be asked.
    """
    places: dict[str, Place] = {}
    for detection in looked.detections:
        name = NODE_LOCAL if detection.platform in _CACHES else CLUSTER_DNS
        places.setdefault(name, await _read_place(objects, looked, detection, stub))
    ways = (one for one in verdicts if one.path.name != DIRECT)
    return Evidence(
        places=places,
        service=tuple(map(str, looked.servers)),
        expected=stub.targets,
        alive=await find_alive(ways, f"kubernetes.default.svc.{_cluster_domain(looked)}"),
    )


async def _read_place(
    objects: DnsObjects, looked: Looked, detection: Detection, stub: Stub
) -> Place:
    target = detection.place
    if isinstance(target, ManagedElsewhere):
        return Place(name=target.owner, is_elsewhere=True)
    document = await objects.read(target)
    return Place(
        name=str(target),
        said=inspect(target, document, stub, looked.base_of(detection)),
        is_recorded=target in looked.record.places,
        reloads=_reloads(looked, target),
        restart=detection.server,
        age=None if document is None else _age(document),
    )


def _reloads(looked: Looked, target: Target) -> bool:
    try:
        return looked.reloads(target)
    except StubError:
        return True


def _age(document: Document) -> float | None:
    """Return the seconds since an object was written last, as its API server notes it."""
    fields: Iterable[Mapping[str, Any]] = document["metadata"].get("managedFields") or ()
    times = [datetime.fromisoformat(one["time"]).timestamp() for one in fields if "time" in one]
    return max(wall_clock() - max(times), 0.0) if times else None


def _cluster_domain(looked: Looked) -> str:
    """Return a zone that the cluster's DNS answers for itself."""
    return next(iter(looked.authority.zones), _CLUSTER_DOMAIN)
