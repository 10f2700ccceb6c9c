"""What is to be done to an object that is to say something else, and how urgent that is. Pure.

Every write is paid by the API server and by every sidecar. So what has not changed is not written,
nor is the share of a gateway that has hardly moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Any

from globaldns.apply.routes.standing import Document
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.endpoints import REMOTE_NETWORK
from globaldns.istio.labels import CLUSTER, RANKS
from globaldns.objects.kubernetes import Service

_PORT = ("name", "port", "protocol", "appProtocol")
Place = tuple[str, tuple[tuple[str, int], ...]]
"""Address and ports of an endpoint."""


class Urgency(IntEnum):
    """What is done first."""

    REMOVAL = 0
    """Something leads to where nobody is."""
    NEW = 1
    WEIGHTS = 2
    DEMOTION = 3
    """Endpoints that come earlier or later than before."""


def compare(before: Document, after: Document, weight_step: float) -> Urgency | None:
    """Return how urgent it is to have an object say what it is to say; None: it does nearly.

    ``weight_step``: the share of all that an endpoint's weight must have moved by.
    """
    if is_same(before, after):
        return None
    former, wanted = _endpoints(before), _endpoints(after)
    if former.keys() - wanted.keys():
        return Urgency.REMOVAL
    if (
        not _is_marked(before, after)
        or _rest(before) != _rest(after)
        or wanted.keys() - former.keys()
    ):
        return Urgency.NEW
    plain = {place: _without_weight(one) for place, one in former.items()}
    if plain == {place: _without_weight(one) for place, one in wanted.items()}:
        return Urgency.WEIGHTS if _has_moved(former, wanted, weight_step) else None
    unranked = {place: _without_rank(one) for place, one in plain.items()}
    if unranked == {place: _without_rank(_without_weight(one)) for place, one in wanted.items()}:
        return Urgency.DEMOTION
    return Urgency.NEW


def is_same(before: Document, after: Document) -> bool:
    """Whether an object says what it is to say, and has our mark."""
    return _is_marked(before, after) and bool(spec_of(before) == spec_of(after))


def spec_of(document: Document) -> Any:
    """Return what is compared of an object: of a Service not what the API server chooses in it."""
    spec = document.get("spec") or {}
    if document["kind"] != Service.kind:
        return spec
    ports = [{key: port[key] for key in _PORT if port.get(key)} for port in spec.get("ports") or ()]
    return {"ports": ports}


def amend(before: Document, after: Document) -> Document:
    """Return what an object is to say: a Service that somebody gave a selector is theirs by it.

    So it stays as it is, but without our mark.
    """
    if before["kind"] != Service.kind or not (before.get("spec") or {}).get("selector"):
        return after
    metadata = before["metadata"]
    labels = {key: text for key, text in metadata["labels"].items() if key != OWNED_BY}
    return {**before, "metadata": {**metadata, "labels": labels}}


def hold_demotions(before: Document, after: Document) -> Document:
    """Return what an object is to say, but that endpoints which come last go on doing so."""
    former, spec = _endpoints(before), after["spec"]
    if not spec.get("endpoints"):
        return after
    endpoints = [
        _without_rank(one) if (known := former.get(_place(one))) and not _rank(known) else one
        for one in spec["endpoints"]
    ]
    return {**after, "spec": {**spec, "endpoints": endpoints}}


def hosts_of(document: Document) -> frozenset[str]:
    """Return the hosts that a Gateway lets through."""
    servers = (document.get("spec") or {}).get("servers") or ()
    return frozenset(host for one in servers for host in one.get("hosts") or ())


def hold_hosts(document: Document, hosts: Iterable[str]) -> Document:
    """Return a Gateway that lets some hosts through besides."""
    spec = document["spec"]
    servers = [{**one, "hosts": sorted({*one["hosts"], *hosts})} for one in spec["servers"]]
    return {**document, "spec": {**spec, "servers": servers}}


def gateways_of(document: Document, clusters: Collection[str]) -> list[Document]:
    """Return the endpoints of an object that are gateways of one of these clusters each.

    One that several share says of none whose it is, and one of them may be fenced: it is nobody's.
    """
    return [
        one
        for one in _endpoints(document).values()
        if one.get("network") == REMOTE_NETWORK
        and (one.get("labels") or {}).get(CLUSTER) in clusters
    ]


def keep_gateways(
    before: Document | None, after: Document, gateways: Iterable[Document]
) -> Document:
    """Return what an object is to say, with gateways that it is not to have besides.

    What else stays has the weight that it has: beside other gateways another one would be right.
    """
    former, wanted = _endpoints(before) if before else {}, _endpoints(after)
    led = [_lead_by(one, after) for one in gateways]
    kept = {place: one for one in led if (place := _place(one)) not in wanted}
    if not kept:
        return after
    plain = {place: _without_weight(one) for place, one in wanted.items()}
    stays = {
        place: one
        for place, one in former.items()
        if place in plain and plain[place] == _without_weight(one)
    }
    merged = {**wanted, **stays, **kept}
    order = former if former.keys() == merged.keys() else merged
    return {**after, "spec": {**after["spec"], "endpoints": [merged[place] for place in order]}}


def _lead_by(gateway: Document, document: Document) -> Document:
    """Return a gateway for the ports that an entry has: it takes all of them at one of its own."""
    number = next(iter((gateway.get("ports") or {}).values()), None)
    names = [port["name"] for port in document["spec"].get("ports") or ()]
    return gateway if number is None else {**gateway, "ports": dict.fromkeys(names, number)}


def _is_marked(before: Document, after: Document) -> bool:
    of_mark = {_labels(before).get(OWNED_BY), _labels(after).get(OWNED_BY)}
    return len(of_mark) == 1 and _labels(after).items() <= _labels(before).items()


def _labels(document: Document) -> Mapping[str, str]:
    return document["metadata"].get("labels") or {}


def _endpoints(document: Document) -> dict[Place, Document]:
    endpoints = (document.get("spec") or {}).get("endpoints") or []
    return {_place(one): one for one in endpoints if isinstance(one, dict)}


def _place(endpoint: Document) -> Place:
    ports = endpoint.get("ports") or {}
    return str(endpoint.get("address", "")), tuple(sorted(ports.items()))


def _rest(document: Document) -> Mapping[str, Any]:
    return {key: one for key, one in (document.get("spec") or {}).items() if key != "endpoints"}


def _without_weight(endpoint: Document) -> Document:
    return {key: one for key, one in endpoint.items() if key != "weight"}


def _without_rank(endpoint: Document) -> Document:
    labels = {key: one for key, one in (endpoint.get("labels") or {}).items() if key not in RANKS}
    rest = {key: one for key, one in endpoint.items() if key != "labels"}
    return {**rest, "labels": labels} if labels else rest


def _rank(endpoint: Document) -> int:
    """Return how many labels of rank an endpoint has; the last has none."""
    labels = endpoint.get("labels") or {}
    return sum(rank in labels for rank in RANKS)


def _has_moved(
    former: Mapping[Place, Document], wanted: Mapping[Place, Document], step: float
) -> bool:
    before, after = _shares(former), _shares(wanted)
    return any(abs(after[place] - before[place]) >= step * before[place] for place in after)


def _shares(endpoints: Mapping[Place, Document]) -> dict[Place, float]:
    """Return of each endpoint the part that it has of all weights of its rank."""
    sums: dict[int, int] = {}
    for one in endpoints.values():
        sums[_rank(one)] = sums.get(_rank(one), 0) + one.get("weight", 1)
    return {place: one.get("weight", 1) / sums[_rank(one)] for place, one in endpoints.items()}
