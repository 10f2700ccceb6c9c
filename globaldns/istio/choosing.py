"""Which of the targets of a service a document can name, and what is said of the others.

The far gateway must be told whom a call is for. In client mode a DestinationRule names the Service
there, with mutual TLS for every endpoint alike: one that takes none is left out then, but where no
gateway is among the targets there is nothing to tell, and labels decide. In gateway mode they do
always, and so they do for what a ServiceEntry exports behind a gateway (``routing.naming``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from globaldns.config.routing import Sni
from globaldns.exports.validation import MAX_ENDPOINTS
from globaldns.exports.workload_validation import UNIX
from globaldns.istio.destination_rule import Callees
from globaldns.istio.endpoints import each_once
from globaldns.istio.notices import Code, Notice
from globaldns.model.address import is_address
from globaldns.model.export import Resolution
from globaldns.model.host import Host, is_service_host, is_wildcard
from globaldns.model.service import Service
from globaldns.routing.horizon import Gap, Horizon, Lack, Target


class Choice(msgspec.Struct, frozen=True):
    """The targets that are written."""

    targets: tuple[Target, ...]
    sni_of: Host | None
    """The host whose Service calls name; None: they name what istiod makes of the host."""
    notices: tuple[Notice, ...]
    unresolved: frozenset[str] = frozenset()
    """The clusters behind gateways of which no address is known now: one that stands for one of
    these alone may be called beside these targets, as these documents say."""

    def callees(self, *, is_own: bool) -> Callees:
        """Return whom calls go to; ``is_own``: the clients' cluster exports the service.

        Whoever runs there now, and of whatever rank a gateway is: a rule that says something else
        replaces every sidecar's connections, and the last near pod's end is no time for that.
        """
        if not self.unresolved and not any(one.is_gateway for one in self.targets):
            return Callees.PODS
        return Callees.PODS_FIRST if is_own else Callees.GATEWAYS


def choose_targets(service: Service, name: str, horizon: Horizon, sni: Sni) -> Choice:
    """Return the targets of a service of the mesh; ``name`` is its host with its zone.

    ``sni``: how calls to this service are told apart.
    """
    host = service.host
    notices = [_tell_gap(name, gap) for gap in horizon.gaps]
    unresolved = {gap.cluster for gap in horizon.gaps if gap.lack is Lack.UNRESOLVED}
    found, left = _divide(horizon.targets, lambda t: is_address(t.address))
    notices += (_tell_address(name, target) for target in left)
    if is_wildcard(host):
        found, left = _divide(found, lambda t: not t.is_gateway)
        unresolved.clear()
        if left:
            notices.append(_tell_no_sni(name, left))
    names_service = sni is Sni.CLIENT and is_service_host(host)
    if names_service and not all(target.is_mutual for target in found):
        if any(target.is_gateway for target in found):
            found, left = _divide(found, lambda t: t.is_mutual)
            notices.append(_tell_plaintext(name, left))
        else:
            names_service = False
            unresolved.clear()  # no gateway is told whom a call is for
    kept, more = _fit(name, found)
    return Choice(kept, host if names_service else None, (*notices, *more), frozenset(unresolved))


def choose_external(name: str, horizon: Horizon, resolution: Resolution) -> Choice:
    """Return the targets of a service outside of the mesh."""
    is_by_name = resolution is not Resolution.STATIC
    found, left = _divide(
        horizon.targets,
        lambda t: is_address(t.address) or (is_by_name and not t.address.startswith(UNIX)),
    )
    notices = [_tell_gap(name, gap) for gap in horizon.gaps]
    notices += [_tell_address(name, target) for target in left]
    most = 1 if resolution is Resolution.DNS_ROUND_ROBIN else MAX_ENDPOINTS
    kept, more = _fit(name, found, most)
    return Choice(kept, None, (*notices, *more))


def warn_of_clients(name: str, choice: Choice, ambient: frozenset[str]) -> Iterator[Notice]:
    """Yield who cannot call what is behind gateways: ztunnel knows neither rules nor their SNI."""
    if ambient:
        networks = ", ".join(sorted({one.network for one in choice.targets if one.is_gateway}))
        yield Notice(
            name,
            Code.AMBIENT,
            f"pods of {', '.join(sorted(ambient))} cannot call what is in {networks}: they are "
            "ambient, and ztunnel tells no gateway whom a call is for",
            "give these clients a sidecar, or one network with those whom they call",
        )


def _divide(
    targets: Iterable[Target], is_kept: Callable[[Target], bool]
) -> tuple[list[Target], list[Target]]:
    kept: list[Target] = []
    left: list[Target] = []
    for target in targets:
        (kept if is_kept(target) else left).append(target)
    return kept, left


def _fit(
    name: str, targets: Iterable[Target], most: int = MAX_ENDPOINTS
) -> tuple[tuple[Target, ...], tuple[Notice, ...]]:
    """Return as many as an entry has room for, the nearest first."""
    found = tuple(each_once(targets))
    if len(found) <= most:
        return found, ()
    detail = f"{len(found) - most} of {len(found)} endpoints are left out, the farthest first"
    hint = f"an entry has room for {most}: put them behind gateways, or make two services of it"
    return found[:most], (Notice(name, Code.TOO_MANY, detail, hint),)


def _tell_gap(name: str, gap: Gap) -> Notice:
    who = f"{_count(gap.endpoints)} of {gap.cluster}"
    match gap.lack:
        case Lack.NO_GATEWAY:
            return Notice(
                name,
                Code.NO_GATEWAY,
                f"{who} in {gap.network} cannot be reached: that network has no gateway",
                f"write clusters.{gap.cluster}.gateways, or label the gateway's Service; "
                "if pods are reached without one: routing.direct_networks",
            )
        case Lack.UNRESOLVED:
            return Notice(
                name,
                Code.UNKNOWN_GATEWAY,
                f"{who} in {gap.network} cannot be reached: no address is known of that network's "
                "gateways",
                f"write their addresses: clusters.{gap.cluster}.gateways",
            )
        case Lack.PLAINTEXT:
            return Notice(
                name,
                Code.PLAINTEXT,
                f"{who} in {gap.network} cannot be reached: a gateway needs mutual TLS",
                "give the pods a sidecar",
            )
        case Lack.AMBIENT:
            return Notice(
                name,
                Code.AMBIENT,
                f"{who} in {gap.network} cannot be reached: they are ambient, and sidecars cannot "
                "call those through a gateway",
                "give the pods a sidecar, or one network with their callers",
            )
        case Lack.DOUBLE:
            return Notice(
                name,
                Code.DOUBLE,
                f"{who} left out: in what is one network, pods of another cluster have the same "
                "address",
                f"give {gap.cluster} a network of its own (clusters.{gap.cluster}.network) and "
                "gateways, or pods with addresses of their own",
            )


def _tell_plaintext(name: str, left: list[Target]) -> Notice:
    return Notice(
        name,
        Code.PLAINTEXT,
        f"{_count(len(left))} without mutual TLS left out, {left[0].address} of "
        f"{left[0].cluster} first: beside a gateway, calls must use it",
        "give the pods a sidecar, or routing: {sni: gateway}",
    )


def _tell_no_sni(name: str, left: list[Target]) -> Notice:
    hint = "name every service that is to be reached from afar"
    networks = ", ".join(sorted({target.network for target in left}))
    detail = f"what is in {networks} cannot be reached: no gateway can be told of such a name"
    return Notice(name, Code.NO_SNI, detail, hint)


def tell_unfit(name: str, written: str = "") -> Notice:
    """Return what a wildcard does in gateway mode; ``written``: a person's entry that has it.

    By our Gateway istiod would make ``outbound_.PORT_._.*.…`` a server name, and Envoys refuse a
    listener with a wildcard inside of one: with it all that the gateway tells apart.
    """
    said = f"{written} stands" if written else "nothing is written"
    return Notice(
        name,
        Code.NO_SNI,
        f"{said}: gateways refuse a listener that has to know a wildcard's server name",
        "name every service, or routing: {sni: client}",
    )


def _tell_address(name: str, target: Target) -> Notice:
    detail = f"{target.address} of {target.cluster} is left out: it is no IP address"
    return Notice(name, Code.ADDRESS, detail, "write the address of the workload")


def _count(number: int) -> str:
    return "1 endpoint" if number == 1 else f"{number} endpoints"
