"""Why a way of pods' questions does not come to us: what was answered, beside what is configured.

The first row that fits is the cause; each has its remedy. What is configured says more than an
answer does: a file that CoreDNS cannot read is in nobody's way until it starts the next time. So a
right answer is no proof either, and what is wrong with its place is told all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import msgspec

from globaldns.coredns.inspection import DUPLICATE, PORT, SYNTAX, Said
from globaldns.stubs.verification import DIRECT, Outcome, Verdict

CLUSTER_DNS = "cluster-dns"
NODE_LOCAL = "node-local"
RELOAD_SECONDS = 120.0
"""The kubelet brings a change within 60 s and a little; CoreDNS looks every 30 s, give or take."""


class Cause(StrEnum):
    """What is wrong."""

    NO_SERVICE = "no-service"
    WRONG_ADDRESS = "wrong-address"
    NOT_READY = "not-ready"
    SERVER_BLOCKED = "server-blocked"
    SERVER_DOWN = "server-down"
    OTHER_NAMESPACES = "other-namespaces"
    OTHER_SERVER = "other-server"
    MANAGED_ELSEWHERE = "managed-elsewhere"
    DUPLICATE_ZONE = "duplicate-zone"
    WRONG_PORT = "wrong-port"
    BROKEN_FILE = "broken-file"
    NODE_LOCAL_BYPASS = "node-local-bypass"
    CONTESTED = "contested"
    NOT_INSTALLED = "not-installed"
    SERVER_FIRST = "server-first"
    OTHER_CLUSTER = "other-cluster"
    NO_RELOAD = "no-reload"
    RELOADING = "reloading"
    NOT_RELOADED = "not-reloaded"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    NO_ANSWER = "no-answer"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What is configured for one DNS of a cluster."""

    name: str
    """Resource, object and key; or the owner, where it is managed elsewhere."""
    said: Said = Said()
    is_elsewhere: bool = False
    is_recorded: bool = False
    """Whether we remember to have told it."""
    left_until: str = ""
    """UTC, where others take back what we write, and we leave it to them."""
    reloads: bool = True
    """Whether the server reads its configuration again by itself."""
    restart: str = ""
    """What has its pods start again: ``-n kube-system deployment coredns``."""
    age: float | None = None
    """Seconds since the object was written; None: not known."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the answers."""

    places: Mapping[str, Place]
    """By the name of a path."""
    service: tuple[str, ...]
    """Where our Service is; none: it is not there."""
    expected: tuple[str, ...]
    """Where the stub leads as it was installed last, or would be."""
    alive: frozenset[str] = frozenset()
    """Paths, as text, that answer other questions."""


class _Case(msgspec.Struct, frozen=True):
    verdict: Verdict
    evidence: Evidence
    place: Place
    direct: Outcome
    """How our own servers answer."""
    is_bypassed: bool
    """Whether the cluster's DNS is right, and the nodes' cache is not."""

    @property
    def is_elsewhere_asked(self) -> bool:
        """Whether the answer is certainly not ours, nor that of a block of ours."""
        return self.verdict.outcome in {Outcome.FOREIGN, Outcome.REFUSED}

    @property
    def is_fresh(self) -> bool:
        age = self.place.age
        return age is not None and age < RELOAD_SECONDS

    @property
    def is_astray(self) -> bool:
        """Whether the stub leads elsewhere than it should."""
        servers = set(self.place.said.servers or ())
        evidence = self.evidence
        if self.direct is Outcome.OK:
            return servers != set(evidence.expected)
        return bool(evidence.service) and servers != set(evidence.service)

    def fault(self, code: str) -> bool:
        fault = self.place.said.fault
        return fault is not None and fault.code == code


_Row = tuple[Cause, Callable[[_Case], bool], str, str]
"""The cause, when it is, what is said of it, and its remedy."""

_DIRECT: tuple[_Row, ...] = (
    (
        Cause.NO_SERVICE,
        lambda case: case.verdict.outcome is Outcome.SILENT and not case.evidence.service,
        "there is no Service globaldns, and {expected} answers nothing",
        "install the chart, then globaldns stub install; or globaldns stub remove",
    ),
    (
        Cause.WRONG_ADDRESS,
        lambda case: (
            case.verdict.outcome is not Outcome.FAILED
            and bool(case.evidence.service)
            and set(case.evidence.expected) != set(case.evidence.service)
        ),
        "the stub leads to {expected}, and Service globaldns is at {service}",
        "globaldns stub install",
    ),
    (
        Cause.NOT_READY,
        lambda case: case.verdict.outcome is Outcome.FAILED,
        "globaldns answers, and has not read its sources",
        "/readyz of its admin endpoint says which",
    ),
    (
        Cause.SERVER_DOWN,
        lambda case: case.verdict.outcome is Outcome.SILENT and "refused" in case.verdict.reason,
        "nothing listens there, or no pod behind the Service is ready",
        "kubectl -n globaldns get endpointslices -l kubernetes.io/service-name=globaldns",
    ),
    (
        Cause.SERVER_BLOCKED,
        lambda case: case.verdict.outcome is Outcome.SILENT,
        "packets to it, or from it, are lost",
        "ask from a pod or a node; else a NetworkPolicy keeps it from UDP and TCP 1053 of our pods",
    ),
    (
        Cause.OTHER_CLUSTER,
        lambda case: case.verdict.outcome is Outcome.OTHER_CLUSTER,
        "",
        "",
    ),
    (
        Cause.OTHER_NAMESPACES,
        lambda case: case.verdict.outcome is Outcome.OTHER_NAMESPACES,
        "",
        "",
    ),
    (Cause.OTHER_SERVER, lambda _case: True, "another server has this address, or our zones", ""),
)
"""Of our own servers."""

_FAULTS: tuple[_Row, ...] = (
    (
        Cause.DUPLICATE_ZONE,
        lambda case: case.fault(DUPLICATE),
        "{place}: {fault}: CoreDNS goes on without the change, and does not start with it",
        "remove one of the two blocks",
    ),
    (
        Cause.WRONG_PORT,
        lambda case: case.fault(PORT),
        "{place}: {fault}",
        "remove that block, then globaldns stub install",
    ),
    (
        Cause.BROKEN_FILE,
        lambda case: case.fault(SYNTAX),
        "{place}: {fault}: the server goes on without the change, and does not start with it",
        "mend it there",
    ),
    (
        Cause.CONTESTED,
        lambda case: (
            bool(case.place.left_until) and (case.place.said.servers is None or case.is_astray)
        ),
        "others take back what we write in {place}: it is left alone until {left_until}",
        "its managedFields name them: have them tell what globaldns stub render prints",
    ),
)
"""Of a place, whatever is answered."""

_ANSWERED: tuple[_Row, ...] = (
    *_FAULTS,
    (
        Cause.NOT_INSTALLED,
        lambda case: case.place.is_recorded and case.place.said.servers is None,
        "we answer still, and nothing of the zone is told in {place} any more",
        "globaldns stub install",
    ),
)
"""Of what pods ask, where we answer."""

_WAYS: tuple[_Row, ...] = (
    (
        Cause.MANAGED_ELSEWHERE,
        lambda case: case.place.is_elsewhere and case.verdict.outcome is not Outcome.OTHER_CLUSTER,
        "{place} has the configuration",
        "globaldns stub install prints what to tell it; then globaldns stub verify",
    ),
    *_FAULTS,
    (
        Cause.NODE_LOCAL_BYPASS,
        lambda case: case.is_bypassed and case.place.said.servers is None,
        "the cluster's DNS asks us, but pods ask the nodes' cache, and it is not told: {place}",
        "globaldns stub install, which tells the cache too",
    ),
    (
        Cause.NOT_INSTALLED,
        lambda case: case.place.said.servers is None,
        "nothing of the zone is told in {place}",
        "globaldns stub install",
    ),
    (
        Cause.WRONG_ADDRESS,
        lambda case: case.is_astray,
        "{place} leads to {servers}, and we are at {wanted}",
        "globaldns stub install",
    ),
    (
        Cause.SERVER_FIRST,
        lambda case: case.direct is not Outcome.OK,
        "it leads to globaldns, which does not answer as it should itself",
        "mend the path globaldns first",
    ),
    (Cause.OTHER_CLUSTER, lambda case: case.verdict.outcome is Outcome.OTHER_CLUSTER, "", ""),
    (
        Cause.UNREACHABLE,
        lambda case: (
            case.verdict.outcome is Outcome.SILENT
            and str(case.verdict.path) not in case.evidence.alive
        ),
        "nothing is answered there at all",
        "ask from a pod or a node; else a NetworkPolicy is in the way, or the server is down",
    ),
    (
        Cause.BLOCKED,
        lambda case: case.verdict.outcome is Outcome.SILENT,
        "it answers other names, and waits for us in vain: packets from it to us are lost",
        "let its pods reach UDP and TCP 1053 of ours: a NetworkPolicy of either side forbids it",
    ),
    (
        Cause.NO_RELOAD,
        lambda case: not case.place.reloads,
        "the Corefile has no plugin reload: CoreDNS reads it when its pods start",
        "kubectl rollout restart {restart}; if that was done since, its log says more",
    ),
    (
        Cause.RELOADING,
        lambda case: case.is_fresh,
        "{place} was written {age:.0f} s ago, and is read within two minutes",
        "globaldns stub verify --wait 120",
    ),
    (
        Cause.NODE_LOCAL_BYPASS,
        lambda case: case.is_bypassed and case.is_elsewhere_asked,
        "the cluster's DNS asks us, but pods ask the nodes' cache, and it has not read {place}",
        "kubectl rollout restart {restart}; its log says why it did not reload",
    ),
    (
        Cause.NOT_RELOADED,
        lambda case: case.is_elsewhere_asked,
        "{place} says it, and CoreDNS answers as before: it refused it, or reads another file",
        "its log, and coredns_reload_failed_total, say why; kubectl rollout restart {restart}",
    ),
    (
        Cause.NO_ANSWER,
        lambda _case: True,
        "it asks us and gets nothing, or has not read the change and fails otherwise",
        "look for our address in its log; a NetworkPolicy may keep it from port 1053 of our pods",
    ),
)
"""Of what pods ask, where we do not answer."""


def explain(verdicts: Iterable[Verdict], evidence: Evidence) -> tuple[Verdict, ...]:
    """Return verdicts with what is wrong, and what to do; where nothing is, as they are."""
    all_of_them = tuple(verdicts)
    outcomes = {one.path.name: one.outcome for one in all_of_them}
    failed = {one.path.name for one in all_of_them if not one.is_ok}
    is_bypassed = NODE_LOCAL in failed and CLUSTER_DNS in outcomes and CLUSTER_DNS not in failed
    direct = [one.outcome for one in all_of_them if one.path.name == DIRECT]
    worst = next((one for one in direct if one is not Outcome.OK), Outcome.OK)
    unknown = Place(name="the cluster's DNS")
    places = evidence.places
    return tuple(
        _explain(
            _Case(
                verdict,
                evidence,
                places.get(verdict.path.name, places.get(CLUSTER_DNS, unknown)),
                worst,
                is_bypassed and verdict.path.name == NODE_LOCAL,
            )
        )
        for verdict in all_of_them
    )


def _explain(case: _Case) -> Verdict:
    verdict, place, evidence = case.verdict, case.place, case.evidence
    row = next((row for row in _rows(verdict) if row[1](case)), None)
    if row is None:
        return verdict
    cause, _, reason, hint = row
    words = {
        "place": place.name,
        "fault": place.said.fault,
        "servers": " ".join(place.said.servers or ()) or "nobody",
        "service": " ".join(evidence.service),
        "expected": " ".join(evidence.expected),
        "wanted": " ".join(evidence.service or evidence.expected),
        "age": place.age or 0,
        "left_until": place.left_until,
        "restart": place.restart,
    }
    return msgspec.structs.replace(
        verdict,
        cause=cause,
        reason=": ".join(filter(None, (verdict.reason, reason.format(**words)))),
        hint=hint.format(**words) or verdict.hint,
    )


def _rows(verdict: Verdict) -> tuple[_Row, ...]:
    is_direct = verdict.path.name == DIRECT
    if verdict.is_ok:
        return () if is_direct else _ANSWERED
    return _DIRECT if is_direct else _WAYS
