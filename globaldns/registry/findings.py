"""What only the whole mesh shows to be wrong, as findings about the objects that are to be mended.

Conflicts are told to the loser. What leaves a host without its address is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from globaldns.model.address import Address, format_address
from globaldns.model.export import Export, ExportKind, Resolution
from globaldns.model.finding import Finding, Severity
from globaldns.model.service import Conflict, Service
from globaldns.registry.agreement import differing_settings
from globaldns.registry.merge import DUPLICATE, LOST_POLICY
from globaldns.registry.overlaps import members_of, network_overlaps
from globaldns.registry.pins import Pinning
from globaldns.registry.publishing import PIN_COLLISION
from globaldns.registry.recognition import differing_words
from globaldns.registry.registry import Registry
from globaldns.registry.vip import SPECIAL, is_within

_PATHS = {
    "port-number": "$.spec.ports",
    "port-protocol": "$.spec.ports",
    "resolution": "$.spec.resolution",
    "location": "$.spec.location",
    LOST_POLICY: "$.spec.lost",
}
"""Where the loser of a conflict says what it says, by rule."""
_PINS = {
    "ServiceEntry": "$.spec.addresses",
    "GlobalService": "$.spec.pins",
    "Service": "$.metadata.annotations",
}
"""Where an object pins, by kind."""
_SETTINGS = {
    "pools": "vips.pools",
    "zones": "zones",
    "allow": "clusters.*.allow",
    "quarantine": "vips.quarantine",
}
"""The keys of what must be equal in all clusters."""
_WITHOUT_ADDRESS = frozenset({Resolution.NONE, Resolution.DYNAMIC_DNS})
"""Resolutions of which nothing is routed by an address of ours."""
GLOBAL_SERVICE = "GlobalService"
"""The kind that pins without exporting."""
_HOSTS = {"Service": "$.metadata.name"}
"""Where an object says its host, by kind; an entry in its hosts."""


def mesh_findings(registry: Registry) -> dict[str, list[Finding]]:
    """Return findings by the cluster whose object each is about; lines are the source's to add."""
    found: dict[str, list[Finding]] = {}
    for finding in _all(registry):
        found.setdefault(finding.cluster, []).append(finding)
    return found


def _all(registry: Registry) -> Iterator[Finding]:
    yield from _of_lost_ledgers(registry)
    yield from _of_settings(registry)
    yield from _of_doubles(registry)
    yield from _of_recognition(registry)
    yield from _of_fences(registry)
    yield from map(_tell_loser, registry.conflicts())
    yield from _of_pins(registry)
    for host in sorted(registry.numbering.exhausted):
        if host in registry.services:
            yield from _refuse_number(registry.services[host], registry)
    yield from network_overlaps(members_of(registry))
    for service in registry.services.values():
        held = registry.claims.held(service.host)
        for export in service.contributions:
            if held and _is_unrouted(export):
                yield _warn_unrouted(export, [claim.vip for claim in held])
            if export.kind is ExportKind.ROUTE:
                yield _warn_route(export)


def _of_lost_ledgers(registry: Registry) -> Iterator[Finding]:
    for cluster in sorted(registry.views.keepers):
        former = registry.views.cluster(cluster).ledger.former
        hosts = sorted({claim.host for claim in former})
        if hosts:
            more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
            yield Finding(
                severity=Severity.WARNING,
                code="ledger-lost",
                reason="its VIPLedger was replaced, or went back, and lacks claims of "
                f"{hosts[0]}{more}: they stand until it says anything of those hosts",
                hint=f"import the newest backup of the former ledger in {cluster}",
                cluster=cluster,
            )


def _of_settings(registry: Registry) -> Iterator[Finding]:
    for cluster, settings in differing_settings(registry).items():
        keys = ", ".join(_SETTINGS[setting] for setting in settings)
        yield Finding(
            severity=Severity.WARNING,
            code="settings-differ",
            reason=f"its globaldns is configured with other {keys} than ours: names and VIPs "
            "may not be the same in both",
            hint="configure all clusters alike",
            cluster=cluster,
        )


def _of_doubles(registry: Registry) -> Iterator[Finding]:
    for cluster, counted in sorted(registry.views.doubles.items()):
        yield Finding(
            severity=Severity.ERROR,
            code="double-cluster",
            reason=f"is the same cluster as {counted}: its kube-system has the same UID; what it "
            f"exports counts once, as {counted}'s",
            hint=f"remove one of the two, or see where the kubeconfig of {cluster} leads",
            cluster=cluster,
        )


def _of_recognition(registry: Registry) -> Iterator[Finding]:
    for cluster, speakers in differing_words(registry.views).items():
        yield Finding(
            severity=Severity.WARNING,
            code="known-otherwise",
            reason=f"{' and '.join(speakers)} take{'s' * (len(speakers) == 1)} another cluster for "
            "it than we do, by the UID of its kube-system",
            hint=f"globaldns cluster forget {cluster}, where the right one answers, tells all",
            cluster=cluster,
        )


def _of_fences(registry: Registry) -> Iterator[Finding]:
    """Yield the fences of clusters that are not configured, each once: all clusters hold a word."""
    views, known = registry.views, registry.settings.clusters
    names = ", ".join(sorted(known))
    for target in sorted(views.fenced - known.keys()):
        words = (
            (cluster, fence)
            for cluster in sorted(known)
            for fence in views.cluster(cluster).fences
            if fence.target == target and fence.fenced
        )
        for cluster, fence in islice(words, 1):
            yield Finding(
                severity=Severity.WARNING,
                code="unknown-cluster",
                reason=f"fences {target!r}, which is no configured cluster",
                file=fence.origin.file,
                object=str(fence.origin),
                path="$.spec.cluster",
                hint=f"globaldns cluster unfence {target} ends it; the clusters are {names}",
                cluster=cluster,
            )


def _of_pins(registry: Registry) -> Iterator[Finding]:
    for host in sorted(registry.views.pinned_hosts(set(registry.views.hosts))):
        for pinning in registry.views.pinnings(host):
            refused = list(_refuse_pins(pinning, registry))
            yield from refused
            if not refused and _is_idle(pinning, registry):
                yield _warn_idle(pinning)


def _tell_loser(conflict: Conflict) -> Finding:
    kind = conflict.loser.kind
    path, hint = _PATHS.get(conflict.rule) or _PINS.get(kind, "$"), "make them agree, or rename one"
    if conflict.rule == PIN_COLLISION:
        hint = "pin another address"
    if conflict.rule == DUPLICATE:
        path, hint = _HOSTS.get(kind, "$.spec.hosts"), "remove one of the two"
    return Finding(
        severity=Severity.WARNING,
        code=conflict.rule,
        reason=f"{conflict.detail}: {conflict.winner} of {conflict.winner_cluster} wins",
        file=conflict.loser.file,
        object=str(conflict.loser),
        path=path,
        hint=hint,
        cluster=conflict.loser_cluster,
    )


def _refuse_pins(pinning: Pinning, registry: Registry) -> Iterator[Finding]:
    claimed = {claim.vip for claim in registry.claims.of_host(pinning.host) if not claim.is_retired}
    for pin in pinning.pins:
        if pin not in claimed and not registry.numbering.may_pin(pin):
            severity, code = Severity.ERROR, "pin-outside"
            effect = f"{pinning.host} is not answered with it"
        elif pin in claimed and registry.views.used_by(pin):
            severity, code = Severity.WARNING, "pin-in-use"
            effect = "it was pinned before, and sidecars take what is meant for that"
        elif pin in claimed and not registry.numbering.may_pin(pin):
            severity, code = Severity.WARNING, "pin-outside"
            effect = "it was pinned before, and stays until the pin goes"
        else:
            continue
        reason, hint = explain_pin(pin, registry)
        yield Finding(
            severity=severity,
            code=code,
            reason=f"{reason}: {effect}",
            file=pinning.origin.file,
            object=str(pinning.origin),
            path=_PINS.get(pinning.origin.kind, "$"),
            hint=hint,
            cluster=pinning.cluster,
        )


def explain_pin(pin: Address, registry: Registry) -> tuple[str, str]:
    """Return why a pin is refused, and the remedy."""
    text = format_address(pin)
    if is_within(pin, SPECIAL):
        special = next(prefix for prefix in SPECIAL if pin in prefix)
        return f"{text} lies in {special}, which is no place for a VIP", "pin another address"
    if used := registry.views.used_by(pin):
        cluster, prefix = used
        return f"{text} lies in {prefix}, which {cluster} has in use", "pin another address"
    pins = ", ".join(map(str, (*registry.settings.pins, f"{text}/{len(pin) * 8}")))
    return f"{text} lies outside the pools and vips.pins", f"vips: {{pins: [{pins}]}}"


def _is_idle(pinning: Pinning, registry: Registry) -> bool:
    """Whether a GlobalService pins what nobody exports: its name may be a slip of the pen."""
    views, host = registry.views, pinning.host
    return (
        pinning.origin.kind == GLOBAL_SERVICE
        and views.is_complete()
        and not views.exports(host)
        and not any(views.fenced_exports(host))
    )


def _warn_idle(pinning: Pinning) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="idle-pin",
        reason=f"pins {pinning.host}, which no cluster exports: its VIP is kept for it",
        file=pinning.origin.file,
        object=str(pinning.origin),
        path="$.metadata.name",
        hint="correct its name or namespace, or remove it",
        cluster=pinning.cluster,
    )


def _is_unrouted(export: Export) -> bool:
    """Whether a person's entry has a port for which sidecars need an address, and names none."""
    return (
        export.kind is ExportKind.SERVICE_ENTRY
        and not export.pins
        and export.resolution not in _WITHOUT_ADDRESS
        and any(port.is_routed_by_address for port in export.ports)
    )


def _warn_unrouted(export: Export, vips: list[Address]) -> Finding:
    texts = ", ".join(map(format_address, vips))
    return Finding(
        severity=Severity.WARNING,
        code="unrouted-tcp",
        reason=f"has a TCP port and does not name its VIP: sidecars of {export.cluster} "
        f"do not route {texts}",
        file=export.origin.file,
        object=str(export.origin),
        path="$.spec",
        hint=f"spec: {{addresses: [{texts}]}}",
        cluster=export.cluster,
    )


def _warn_route(export: Export) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="hand-written-route",
        reason="is a route to gateways, written by hand: while it stands, no other for "
        f"{export.host} is written in {export.cluster}",
        file=export.origin.file,
        object=str(export.origin),
        path="$.spec.endpoints",
        hint=f"globaldns diff --cluster {export.cluster} shows what would be in its place; delete "
        "it to have that",
        cluster=export.cluster,
    )


def _refuse_number(service: Service, registry: Registry) -> Iterator[Finding]:
    if not service.contributions:
        return
    export = service.contributions[0]
    families = " or ".join(map(str, registry.numbering.refused_families(service.host)))
    yield Finding(
        severity=Severity.ERROR,
        code="pool-exhausted",
        reason=f"no pool has a free {families} address for {service.host}",
        file=export.origin.file,
        object=str(export.origin),
        path="$.metadata.name",
        hint="add a pool to vips.pools",
        cluster=export.cluster,
    )
