"""Split horizon: what a viewer sees of a service's endpoints, those far away as their gateways.

Endpoints of the viewer's networks are themselves. Those of another network are its gateways, which
share the sum of their weights; who is not entered by a gateway, nor directly, is not seen.

Standards:
    Istio pilot ``endpoint_builder``: EndpointsByNetworkFilter, of which the weights keep the sense
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, StrEnum

import msgspec

from globaldns.model.export import Endpoint, Export, ExportKind, Location
from globaldns.model.lost import Standing
from globaldns.model.service import Service
from globaldns.routing.topology import Topology, Viewer, Way

MUTUAL_TLS = ("security.istio.io/tlsMode", "istio")
"""The label of a workload that takes mutual TLS."""

AMBIENT = ("istio.io/dataplane-mode", "ambient")
"""The label of a workload whose node speaks HBONE for it, and nothing else."""


class Rank(IntEnum):
    """How near: all of a rank are tried before the next."""

    OWN = 0
    """Of the viewer's own cluster."""
    OTHER = 1
    DEMOTED = 2
    """Of a cluster that is lost."""


class Target(msgspec.Struct, frozen=True, order=True):
    """Where a viewer is to send bytes for a service."""

    rank: Rank
    address: str
    gateway_port: int = 0
    """0: it is the endpoint itself."""
    weight: int = 1
    cluster: str = ""
    """Of the endpoint; of a gateway that of all behind it, empty if they are of several."""
    network: str = ""
    locality: str = ""
    """``region/zone/subzone``; of a gateway what all behind it have in common."""
    ports: tuple[tuple[str, int], ...] = ()
    """Port name to the endpoint's own number, where it is not the service's."""
    labels: tuple[tuple[str, str], ...] = ()
    """Of a gateway those that all behind it have."""
    service_account: str = ""

    @property
    def is_gateway(self) -> bool:
        """Whether it stands for endpoints of another network."""
        return self.gateway_port != 0

    @property
    def is_mutual(self) -> bool:
        """Whether it takes mutual TLS."""
        return MUTUAL_TLS in self.labels


class Lack(StrEnum):
    """Why a viewer cannot have some endpoints."""

    NO_GATEWAY = "no-gateway"
    """Their network has no gateway, and is not reached directly."""
    UNRESOLVED = "unresolved"
    """Of their network's gateways, which would lead to them, no address is known."""
    PLAINTEXT = "plaintext"
    """A gateway tells by mutual TLS whom a connection is for, and they take none."""
    AMBIENT = "ambient"
    """They take mutual TLS inside HBONE alone, which no sidecar speaks."""
    DOUBLE = "double-address"
    """A pod of another cluster that is no farther has their address: bytes would come to that."""


class Gap(msgspec.Struct, frozen=True, order=True):
    """Ready endpoints that a viewer does not see."""

    lack: Lack
    cluster: str
    network: str
    endpoints: int


class Horizon(msgspec.Struct, frozen=True):
    """What a viewer sees of a service."""

    targets: tuple[Target, ...] = ()
    """The nearest first."""
    gaps: tuple[Gap, ...] = ()


class _Sight(msgspec.Struct, frozen=True):
    """A ready endpoint of a service, as its cluster offers it."""

    cluster: str
    rank: Rank
    endpoint: Endpoint
    is_double: bool = False
    """Whether a pod of another cluster, no farther than it, has its address."""

    @property
    def weight(self) -> int:
        return self.endpoint.weight or 1


def split(service: Service, viewer: Viewer, topology: Topology) -> Horizon:
    """Return what a viewer sees of a service.

    Weights are in units of ``topology.unit``: their sum is that times the weights of all endpoints
    that are seen. A gateway that stands for endpoints of several ranks has the nearest one, and the
    weight of that.
    """
    if _is_external(service):
        viewer = Viewer(viewer.cluster, frozenset())
    direct: list[Target] = []
    far: dict[tuple[str, str], list[_Sight]] = defaultdict(list)
    double: Counter[tuple[str, str]] = Counter()
    for sight in _sights(service, viewer, topology):
        network = sight.endpoint.network
        if sight.is_double:
            double[sight.cluster, network] += 1
        elif topology.is_direct(network, viewer):
            direct.append(_direct(sight, topology.unit))
        else:
            far[network, sight.cluster].append(sight)
    behind: dict[tuple[str, Way], list[tuple[_Sight, int]]] = defaultdict(list)
    gaps = [Gap(Lack.DOUBLE, *where, count) for where, count in double.items()]
    for (network, cluster), sights in far.items():
        gaps += _tell_far(cluster, network, sights, topology)
        ways = topology.ways_to(network, cluster)
        able = [sight for sight in sights if MUTUAL_TLS in sight.endpoint.labels]
        for way in ways:
            share = topology.unit // len(ways)
            behind[network, way] += ((sight, sight.weight * share) for sight in able)
    gateways = [_gateway(*key, shares) for key, shares in behind.items() if shares]
    return Horizon(tuple(sorted((*direct, *gateways))), tuple(sorted(gaps)))


def _tell_far(
    cluster: str, network: str, sights: Sequence[_Sight], topology: Topology
) -> Iterator[Gap]:
    """Yield how many of a group's endpoints no gateway leads to, by reason.

    Those to which none could lead at any address count as such, whether one is known or not.
    """
    if network not in topology.entered:
        yield Gap(Lack.NO_GATEWAY, cluster, network, len(sights))
        return
    unable = [one for one in sights if MUTUAL_TLS not in one.endpoint.labels]
    ambient = sum(AMBIENT in one.endpoint.labels for one in unable)
    lost = 0 if topology.ways_to(network, cluster) else len(sights) - len(unable)
    lacks = {
        Lack.AMBIENT: ambient,
        Lack.PLAINTEXT: len(unable) - ambient,
        Lack.UNRESOLVED: lost,
    }
    yield from (Gap(lack, cluster, network, count) for lack, count in lacks.items() if count)


def _is_external(service: Service) -> bool:
    """Whether a service is outside of the mesh, where the same addresses lead from everywhere."""
    offers = _offers(service)
    return next((one.location is Location.MESH_EXTERNAL for one in offers), False)


def _offers(service: Service) -> Iterator[Export]:
    return (one for one in service.contributions if one.kind is not ExportKind.ROUTE)


def _sights(service: Service, viewer: Viewer, topology: Topology) -> Iterator[_Sight]:
    """Yield the ready endpoints that count, the nearest first, no address of a network twice.

    All networks that are reached directly are one, unless the viewer's control plane knows them
    apart. What a person wrote may be one machine that several clusters use, but a pod is one
    cluster's: another's with its address is a double.
    """
    seen: dict[tuple[str, str, tuple[tuple[str, int], ...]], Export] = {}
    for rank, export in _ranked(service, viewer):
        for endpoint in export.endpoints:
            if not endpoint.ready:
                continue
            is_one = topology.is_direct(endpoint.network, viewer) and not viewer.splits_by_itself
            key = ("" if is_one else endpoint.network, endpoint.address, endpoint.ports)
            if key not in seen:
                seen[key] = export
                yield _Sight(export.cluster, rank, endpoint)
            elif _have_pods_each(seen[key], export):
                yield _Sight(export.cluster, rank, endpoint, is_double=True)


def _have_pods_each(one: Export, other: Export) -> bool:
    kinds = {one.kind, other.kind}
    return one.cluster != other.cluster and kinds == {ExportKind.SERVICE}


def _ranked(service: Service, viewer: Viewer) -> list[tuple[Rank, Export]]:
    """Return the offers that count, the nearest first."""
    standings = dict(service.standings)
    found: list[tuple[Rank, Export]] = []
    for export in _offers(service):
        standing = standings.get(export.cluster, Standing.COUNTED)
        if standing is not Standing.DROPPED:
            found.append((_rank(export.cluster, standing, viewer), export))
    return sorted(found, key=lambda one: one[0])


def _rank(cluster: str, standing: Standing, viewer: Viewer) -> Rank:
    if standing is Standing.DEMOTED:
        return Rank.DEMOTED
    return Rank.OWN if cluster == viewer.cluster else Rank.OTHER


def _direct(sight: _Sight, unit: int) -> Target:
    endpoint = sight.endpoint
    return Target(
        sight.rank,
        endpoint.address,
        weight=sight.weight * unit,
        cluster=sight.cluster,
        network=endpoint.network,
        locality=endpoint.locality,
        ports=endpoint.ports,
        labels=endpoint.labels,
        service_account=endpoint.service_account,
    )


def _gateway(network: str, way: Way, shares: list[tuple[_Sight, int]]) -> Target:
    rank = min(sight.rank for sight, _ in shares)
    nearest = [(sight, share) for sight, share in shares if sight.rank == rank]
    clusters = {sight.cluster for sight, _ in nearest}
    address, port = way
    return Target(
        rank,
        address,
        port,
        weight=sum(share for _, share in nearest),
        cluster=clusters.pop() if len(clusters) == 1 else "",
        network=network,
        locality=_common_locality(sight.endpoint.locality for sight, _ in nearest),
        labels=_common_labels([sight.endpoint.labels for sight, _ in nearest]),
    )


def _common_locality(localities: Iterable[str]) -> str:
    """Return the parts, from the region on, in which localities agree."""
    common: list[str] = []
    for parts in zip(*(locality.split("/") for locality in localities), strict=False):
        if len({*parts}) > 1:
            break
        common.append(parts[0])
    return "/".join(common)


def _common_labels(all_labels: list[tuple[tuple[str, str], ...]]) -> tuple[tuple[str, str], ...]:
    first, *others = all_labels
    return tuple(sorted(set(first).intersection(*others)))
