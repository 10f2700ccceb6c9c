"""Whether the names that pods ask for reach us: one question each way, and what its answer means.

A zone of ours says at ``_globaldns.<zone>`` who answers: TXT ``cluster/instance``; where only some
namespaces of it are sent to us, at ``_globaldns.<namespace>.<zone>`` of each.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from globaldns.config.values import INSTANCE
from globaldns.coredns.stub import Stub

DNS_PORT = 53
DIRECT = "globaldns"
"""The path to our own servers."""
_RELOAD = "CoreDNS reads a change within 2 minutes; then its log says why not (reload)"


class Outcome(StrEnum):
    """How a question was answered."""

    OK = "ok"
    SILENT = "silent"
    """Not at all, or in no way that can be read."""
    FOREIGN = "foreign"
    """By somebody who does not ask us."""
    OTHER_CLUSTER = "other-cluster"
    OTHER_NAMESPACES = "other-namespaces"
    """By us, who know nothing of this namespace being chosen."""
    FAILED = "failed"
    """By who asks us, and has no answer."""
    REFUSED = "refused"


class QueryPath(msgspec.Struct, frozen=True):
    """An address that pods of the cluster ask."""

    name: str
    """``cluster-dns``, ``node-local``, or what a person gave."""
    address: str
    port: int = DNS_PORT

    def __str__(self) -> str:
        """Return where it is, as dig and resolv.conf(5) write it."""
        return f"{self.address}#{self.port}"


class Question(msgspec.Struct, frozen=True):
    """What is asked, and whose answer is right."""

    name: str
    cluster: str
    zone: str = ""
    """Of which a chosen namespace is asked for; empty: the whole zone is."""


class Reply(msgspec.Struct, frozen=True):
    """What came back, as far as it tells who answers."""

    rcode: str
    texts: tuple[str, ...] = ()
    """Data of TXT records, without quotes."""
    soa: str = ""
    """Data of the SOA record in the authority section; empty: there is none."""


_SILENT = (
    "is it reached from here? Ask from a pod, or a node",
    "is it reached from here? Ask from a pod; a NetworkPolicy may be in the way",
)
_FAILURES = {
    "SERVFAIL": (
        Outcome.FAILED,
        (
            "does the path globaldns answer? Else a NetworkPolicy, or an old address of ours",
            "globaldns has not read its sources: /readyz says which",
        ),
    ),
    "REFUSED": (
        Outcome.REFUSED,
        (f"nothing there is for the zone. {_RELOAD}", "the zone is not configured there"),
    ),
}
"""By rcode; what to do where others were asked, and where we were."""
_NOT_CHOSEN = (
    "globaldns answers, and is not configured with this namespace",
    "globaldns stub install, if zones[].namespaces lacks it now; else restart the pods",
)
"""What is said and to be done where a server of ours does not know that a namespace is chosen."""


class Verdict(msgspec.Struct, frozen=True):
    """What one question says of one path."""

    path: QueryPath
    name: str
    outcome: Outcome
    reason: str = ""
    hint: str = ""
    instance: str = ""
    """Who answered; empty where that is not said."""
    cause: str = ""
    """What is wrong, in one word of ``Cause``, where it was looked for."""

    @property
    def is_ok(self) -> bool:
        """Whether we answered, and nothing is known that will end it."""
        return self.outcome is Outcome.OK and not self.cause


def questions(stub: Stub, cluster: str) -> tuple[Question, ...]:
    """Return a question for each domain of hosts."""
    return tuple(
        Question(f"{INSTANCE}.{name}", cluster, zone.name if zone.namespaces else "")
        for zone in stub.zones
        for name in zone.names
    )


def own_paths(stub: Stub) -> tuple[QueryPath, ...]:
    """Return the ways to our own servers."""
    return tuple(QueryPath(DIRECT, one.address, one.port) for one in stub.servers)


def judge(question: Question, path: QueryPath, reply: Reply | None, failure: str = "") -> Verdict:
    """Return what a reply says; None is none, for the reason in ``failure``."""
    outcome, reason, hint = _judge(question, path, reply, failure)
    instance = reply.texts[0] if reply and reply.texts and outcome is Outcome.OK else ""
    return Verdict(path, question.name, outcome, reason, hint, instance)


def _judge(
    question: Question, path: QueryPath, reply: Reply | None, failure: str
) -> tuple[Outcome, str, str]:
    is_direct = path.name == DIRECT
    if reply is None:
        return Outcome.SILENT, failure, _SILENT[is_direct]
    if reply.texts:
        return _judge_instance(question, reply.texts[0])
    if reply.rcode in _FAILURES:
        outcome, hints = _FAILURES[reply.rcode]
        return outcome, reply.rcode, hints[is_direct]
    if is_direct and _is_denied_by_us(question, reply):
        return Outcome.OTHER_NAMESPACES, *_NOT_CHOSEN
    says = f", whose SOA is {reply.soa}" if reply.soa else ""
    return Outcome.FOREIGN, f"{reply.rcode} by somebody else{says}", _foreign_hint(path)


def _is_denied_by_us(question: Question, reply: Reply) -> bool:
    """Whether a denial is of our making: the name server is named right below the zone."""
    name_server, *_ = reply.soa.split() or [""]
    return bool(question.zone) and name_server.partition(".")[2] == f"{question.zone}."


def _foreign_hint(path: QueryPath) -> str:
    if path.name == DIRECT:
        return "another server has this address: globaldns stub install, once ours is known"
    if path.name == "node-local":
        return f"the nodes' cache asks elsewhere: globaldns stub detect. {_RELOAD}"
    return f"the question did not come to us: is the stub installed? {_RELOAD}"


def _judge_instance(question: Question, instance: str) -> tuple[Outcome, str, str]:
    cluster = instance.rpartition("/")[0]
    if cluster == question.cluster:
        return Outcome.OK, "", ""
    return (
        Outcome.OTHER_CLUSTER,
        f"answered by {instance}, which is not of {question.cluster}",
        "does the stub name the addresses of this cluster's Service? globaldns stub install",
    )
