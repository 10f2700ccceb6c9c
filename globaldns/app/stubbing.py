"""A cluster's own DNS seen, told of us and asked, for commands without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import TypeVar

import msgspec

from globaldns.app.advertising import SERVICE
from globaldns.app.applying import find_access
from globaldns.config.schema import Config
from globaldns.coredns.authority import Authority, authority_of
from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import Options
from globaldns.coredns.platforms import (
    Detection,
    Facts,
    ManagedElsewhere,
    detect,
)
from globaldns.coredns.stub import Foreign, Server, Stub, StubZone
from globaldns.coredns.targets import Target
from globaldns.errors import ApiError, ApiRefused, StubError
from globaldns.kube.client import Client
from globaldns.kube.resources import SERVICES
from globaldns.model.address import is_address
from globaldns.objects.kubernetes import Protocol, Service, ServicePort
from globaldns.stubs import changing
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.reading import get_if_there, read_cluster, read_corefiles
from globaldns.stubs.record import Record
from globaldns.stubs.shapes import Change, Wish
from globaldns.stubs.verification import DNS_PORT, QueryPath

_service_decoder = msgspec.json.Decoder(Service)
_T = TypeVar("_T")


class Looked(msgspec.Struct, frozen=True):
    """A cluster's DNS as it is now."""

    facts: Facts
    detections: tuple[Detection, ...]
    paths: tuple[QueryPath, ...]
    record: Record
    """What we remember; empty also where that cannot be read."""
    servers: tuple[Server, ...]
    """The addresses of our Service; none where it is not there."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where the cluster's DNS can be told, each once."""
        places = (one.place for one in self.detections)
        return tuple(dict.fromkeys(one for one in places if isinstance(one, Target)))

    @property
    def authority(self) -> Authority:
        """What the cluster's DNS answers itself."""
        return authority_of(self.facts)

    def base_of(self, detection: Detection) -> str:
        """Return the Corefile that says where a DNS listens; empty: it is not known."""
        place = detection.place
        if isinstance(place, Target):
            return self.facts.corefiles.get(place.base, "")
        return next(iter(self.facts.corefiles.values()), "")

    def server_of(self, place: Target) -> str:
        """Return the words by which kubectl knows who reads a place."""
        return next(one.server for one in self.detections if one.place == place)

    def reloads(self, place: Target) -> bool:
        """Whether a server reads its configuration again by itself; CoreDNS does where told."""
        text = self.facts.corefiles.get(place.base, "")
        return not text or any(block.named("reload") for block in parse_corefile(text).blocks)


def look(config: Config, cluster: str) -> Looked:
    """Return how a cluster's DNS is.

    Raises:
        RequestRefused: no API server of the cluster is known.
        ApiError: it cannot be asked, or may not be.
    """
    return ask_cluster(config, cluster, lambda client: look_with(client, config, cluster))


async def look_with(client: Client, config: Config, cluster: str) -> Looked:
    """Return the same, by a client of the cluster's API server.

    Raises:
        ApiError: it cannot be asked, or may not be.
    """
    ours = await _read_ours(client, config, cluster)
    seen = await read_cluster(client)
    return Looked(seen.facts, detect(seen.facts), seen.paths, *ours)


async def look_again(client: Client, config: Config, cluster: str, looked: Looked) -> Looked:
    """Return what changes from one minute to the next, and the rest as it was seen.

    Raises:
        ApiError: the cluster cannot be asked, or may not be.
    """
    ours = await _read_ours(client, config, cluster)
    corefiles = await read_corefiles(client, looked.facts)
    facts = msgspec.structs.replace(looked.facts, corefiles=corefiles)
    return Looked(facts, detect(facts), looked.paths, *ours)


async def _read_ours(
    client: Client, config: Config, cluster: str
) -> tuple[Record, tuple[Server, ...]]:
    record = Record()
    with suppress(StubError):  # whoever changes something reads it again, and says why it cannot
        record = (await DnsObjects(client, config.namespace, cluster).read_record()).record
    return record, await find_servers(client, config.namespace)


def install(
    config: Config,
    cluster: str,
    looked: Looked,
    stub: Stub,
    tell: Callable[[Change], None],
    *,
    adopt: bool,
    dry_run: bool,
) -> tuple[Change, ...]:
    """Have all places that can be told have the stub; return what became of each.

    Servers that were told to leave the cluster's DNS alone keep it again, also where none is.

    Raises:
        StubError: a place is refused; nothing was written.
        ApiError: a request failed.
    """
    wishes = wishes_of(looked, stub, cluster, adopt=adopt)

    async def write(client: Client) -> tuple[Change, ...]:
        objects = DnsObjects(client, config.namespace, cluster, dry_run=dry_run)
        return await changing.install(objects, wishes, tell)

    return ask_cluster(config, cluster, write)


def wishes_of(looked: Looked, stub: Stub, cluster: str, *, adopt: bool) -> dict[Target, Wish]:
    """Return what is wished of each place that can be told."""
    return {
        detection.place: Wish(
            stub,
            Options(build=detection.build),
            looked.base_of(detection),
            cluster,
            adopt,
            looked.authority,
        )
        for detection in looked.detections
        if isinstance(detection.place, Target)
    }


def remove(
    config: Config,
    cluster: str,
    looked: Looked,
    stub: Stub | None,
    tell: Callable[[Change], None],
    *,
    adopt: bool,
    suspend: bool,
    dry_run: bool,
) -> tuple[Change, ...]:
    """Take what is ours out of all places; return what became of each.

    ``stub`` is what may be told there by somebody else, which is left, unless ``adopt`` is said.
    ``suspend`` has servers leave it so.

    Raises:
        StubError: a place is refused; nothing was written.
        ApiError: a request failed.
    """
    told = looked.record.stub or stub or nobodys_stub(config)
    wishes = wishes_of(looked, stub if adopt and stub else told, cluster, adopt=adopt)

    async def write(client: Client) -> tuple[Change, ...]:
        objects = DnsObjects(client, config.namespace, cluster, dry_run=dry_run)
        return await changing.remove(objects, wishes, tell, suspend=suspend)

    return ask_cluster(config, cluster, write)


def make_stub(config: Config, servers: tuple[Server, ...]) -> Stub:
    """Return what is told of our zones.

    Raises:
        StubError: it cannot be told.
    """
    told = config.stub
    return Stub(
        zones=tuple(
            StubZone(zone.name, Foreign(zone.foreign.value), zone.namespaces)
            for zone in config.zones
        ),
        servers=servers,
        reverse=tuple(map(str, config.vips.pools)) if told.reverse else (),
        cache_seconds=told.cache,
        force_tcp=told.force_tcp,
    )


def nobodys_stub(config: Config) -> Stub:
    """Return what nobody tells: at an address that is nobody's (RFC 5737)."""
    return make_stub(config, (Server("192.0.2.0"),))


def elsewhere(looked: Looked) -> Iterator[Detection]:
    """Yield what has to be told by somebody else."""
    for detection in looked.detections:
        if isinstance(detection.place, ManagedElsewhere):
            yield detection


def choose_servers(looked: Looked, given: Iterable[Server]) -> tuple[Server, ...]:
    """Return where the stub is to lead: where a person says, else to our Service.

    Raises:
        StubError: neither is known, or one is the cluster's DNS itself; code ``servers``.
    """
    servers = tuple(dict.fromkeys(given)) or looked.servers
    if not servers:
        raise StubError(
            f"there is no Service {SERVICE} with an address in our namespace",
            code="servers",
            hint="install the chart first, or name an address: --forward-to ADDRESS",
        )
    asked = {(path.address, path.port): path.name for path in looked.paths}
    for server in servers:
        if name := asked.get((server.address, server.port)):
            raise StubError(
                f"{server} is the cluster's own DNS ({name}): it would ask itself",
                code="servers",
                hint="name an address of ours: --forward-to ADDRESS",
            )
    return servers


async def find_servers(client: Client, namespace: str) -> tuple[Server, ...]:
    """Return the addresses of our Service; none where it is not there.

    Raises:
        ApiError: that is not known.
    """
    data = await get_if_there(client, SERVICES.path("v1", namespace, SERVICE))
    if data is None:
        return ()
    try:
        spec = _service_decoder.decode(data).spec
    except msgspec.MsgspecError as error:
        raise ApiError(f"an answer that is no Service: {error}") from error
    addresses = filter(is_address, spec.cluster_ips or (spec.cluster_ip,))
    return tuple(Server(address, _dns_port(spec.ports)) for address in addresses)


def _dns_port(ports: Iterable[ServicePort]) -> int:
    """Return where DNS over UDP is; the first port of UDP, for we serve nothing else over it."""
    return next((one.port for one in ports if one.protocol is Protocol.UDP), DNS_PORT)


def ask_cluster(config: Config, cluster: str, act: Callable[[Client], Awaitable[_T]]) -> _T:
    """Return what comes of requests to a cluster's API server.

    Raises:
        RequestRefused: no API server of the cluster is known.
        ApiError: it refused one, or cannot be asked; with a hint.
    """
    hint = "globaldns stub render --as corefile --forward-to ADDRESS prints what CoreDNS needs"
    access = find_access(config, cluster, hint=hint)

    async def run() -> _T:
        client = Client(access)
        try:
            return await act(client)
        except ApiError as error:
            error.hint = hint_of(error)
            raise
        finally:
            await client.close()

    return asyncio.run(run())


def hint_of(error: ApiError) -> str:
    """Return what to do about a request that failed."""
    if error.hint:
        return error.hint
    if not isinstance(error, ApiRefused):
        return (
            "kubectl cluster-info with the same credentials shows whether it is reached from here"
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return "grant it: deploy/README.md lists the rights for the cluster's own DNS"
    return ""
