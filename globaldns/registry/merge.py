"""What several exports of one host make together, and where they cannot all be true.

Exports come oldest first, and the older is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from globaldns.model.address import format_address
from globaldns.model.export import Export, ExportKind, Port, Resolution
from globaldns.model.service import Conflict
from globaldns.registry.overruling import Overrule
from globaldns.registry.pins import Pinning

DUPLICATE = "duplicate-export"
"""The rule of a conflict inside one cluster."""
LOST_POLICY = "lost-policy"
"""The rule of one between two GlobalServices about lost clusters."""

_Rival = Export | Pinning | Overrule


def deciding_export(exports: Sequence[Export]) -> Export:
    """Return the export that decides what ports and addresses do not: a route only if alone."""
    for export in exports:
        if export.kind is not ExportKind.ROUTE:
            return export
    return exports[0]


def merge_zones(exports: Sequence[Export], served: tuple[str, ...]) -> tuple[str, ...]:
    """Return the zones that a host is in, in the order in which they are served."""
    if len(exports) == 1 and exports[0].zones == served:
        return served
    united: set[str] = set()
    for export in exports:
        if not export.zones:
            return served
        united.update(export.zones)
    return tuple(zone for zone in served if zone in united)


def merge_ports(exports: Sequence[Export]) -> tuple[Port, ...]:
    """Return all ports; of two with one name the older's."""
    ports = exports[0].ports if exports else ()
    for export in exports[1:]:
        if export.ports != ports:
            names = {port.name for port in ports}
            ports += tuple(port for port in export.ports if port.name not in names)
    return ports


def find_conflicts(
    exports: Sequence[Export], pinnings: Sequence[Pinning], overrules: Sequence[Overrule] = ()
) -> tuple[Conflict, ...]:
    """Return what the exports, pins and policies of one host disagree on."""
    if len(exports) == 1 and not pinnings and not exports[0].rivals and not overrules:
        return ()
    found = [
        *_duplicates(exports),
        *_port_conflicts(exports),
        *_kind_conflicts(exports),
        *_pin_conflicts(pinnings),
        *_policy_conflicts(overrules),
    ]
    return tuple(sorted(found))


def _duplicates(exports: Sequence[Export]) -> Iterable[Conflict]:
    """Yield what one cluster offers twice."""
    for export in exports:
        for rival in export.rivals:
            yield Conflict(
                host=export.host,
                rule=DUPLICATE,
                winner_cluster=export.cluster,
                winner=export.origin,
                loser_cluster=export.cluster,
                loser=rival.origin,
                detail=f"{export.host} is offered twice, {rival.rule}",
            )


def _port_conflicts(exports: Sequence[Export]) -> Iterable[Conflict]:
    owners: dict[str, tuple[Port, Export]] = {}
    for export in exports:
        for port in export.ports:
            older, winner = owners.setdefault(port.name, (port, export))
            if winner is export or older == port:
                continue
            rule = "port-number" if older.number != port.number else "port-protocol"
            detail = f"port {port.name!r} is {_say_port(older)} and {_say_port(port)}"
            yield _conflict(rule, winner, export, detail)


def _say_port(port: Port) -> str:
    return f"{port.number}/{port.transport.value}" + (f" {port.protocol}" if port.protocol else "")


def _kind_conflicts(exports: Sequence[Export]) -> Iterable[Conflict]:
    winner = deciding_export(exports) if exports else None
    for export in exports:
        if winner is None or export is winner or export.kind is ExportKind.ROUTE:
            continue
        if (export.resolution is Resolution.NONE) != (winner.resolution is Resolution.NONE):
            detail = f"resolution is {winner.resolution.value} and {export.resolution.value}"
            yield _conflict("resolution", winner, export, detail)
        if export.location is not winner.location:
            detail = f"location is {winner.location.value} and {export.location.value}"
            yield _conflict("location", winner, export, detail)


def _pin_conflicts(pinnings: Sequence[Pinning]) -> Iterable[Conflict]:
    for pinning in pinnings:
        if pinning.rival and set(pinning.rival.pins) != set(pinning.pins):
            yield _conflict("pins", pinning, pinning.rival, _say_pins(pinning, pinning.rival))
        if set(pinning.pins) != set(pinnings[0].pins):
            yield _conflict("pins", pinnings[0], pinning, _say_pins(pinnings[0], pinning))


def _policy_conflicts(overrules: Sequence[Overrule]) -> Iterable[Conflict]:
    for overrule in overrules[1:]:
        if overrule.lost != overrules[0].lost:
            detail = "spec.lost says something else of lost clusters"
            yield _conflict(LOST_POLICY, overrules[0], overrule, detail)


def _say_pins(winner: Pinning, loser: Pinning) -> str:
    texts = (", ".join(map(format_address, pinning.pins)) for pinning in (winner, loser))
    return "pinned to {} and {}".format(*texts)


def _conflict(rule: str, winner: _Rival, loser: _Rival, detail: str) -> Conflict:
    return Conflict(
        host=winner.host,
        rule=rule,
        winner_cluster=winner.cluster,
        winner=winner.origin,
        loser_cluster=loser.cluster,
        loser=loser.origin,
        detail=detail,
    )
