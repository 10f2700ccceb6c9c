"""Whether the names that pods ask for reach us: one question each way, and what its answer means.

A zone of ours says at ``_globaldns.<zone>`` who answers: TXT ``cluster/instance``. Where only some
namespaces of a zone are sent to us there is no such name, and it is the SOA record of the denial
that tells: its MNAME is ours. Where foreign names of such a namespace are asked for elsewhere, so
is what we deny, and the namespace itself is asked for: we have it once a host of it is exported.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from globaldns.coredns.stub import Foreign, Stub, StubZone

DNS_PORT = 53
DIRECT = "globaldns"
"""The path to our own servers."""
_PROBE = "_globaldns"
_RELOAD = "CoreDNS reads a change within 2 minutes; then its log says why not (reload)"


class Outcome(StrEnum):
    """How a question was answered."""

    OK = "ok"
    SILENT = "silent"
    """Not at all, or in no way that can be read."""
    FOREIGN = "foreign"
    """By somebody who does not ask us."""
    OTHER_CLUSTER = "other-cluster"
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
    """What is asked, and how our answer is told from others'."""

    name: str
    zone: str
    cluster: str
    mname: str
    """Our SOA's, with its dot."""

    @property
    def may_fall_through(self) -> bool:
        """Whether others answer it where we have nothing by the name."""
        return not self.name.startswith(f"{_PROBE}.")

    @property
    def is_at_apex(self) -> bool:
        """Whether we have an answer to it, and not only a denial."""
        return self.name == f"{_PROBE}.{self.zone}"


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


def questions(stub: Stub, cluster: str, nameserver: str) -> tuple[Question, ...]:
    """Return a question for each domain of hosts; ``nameserver`` is one label below the zone."""
    return tuple(
        Question(_name_at(name, zone), zone.name, cluster, f"{nameserver}.{zone.name}.")
        for zone in stub.zones
        for name in zone.names
    )


def _name_at(name: str, zone: StubZone) -> str:
    may_fall_through = zone.namespaces and zone.foreign is Foreign.FALLTHROUGH
    return name if may_fall_through else f"{_PROBE}.{name}"


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
    if reply.texts and not question.may_fall_through:
        return _judge_instance(question, reply.texts[0])
    may_be_empty = question.may_fall_through and not is_direct
    note = f"; it is so where we have no host in {question.name} too" if may_be_empty else ""
    if reply.rcode in _FAILURES:
        outcome, hints = _FAILURES[reply.rcode]
        return outcome, f"{reply.rcode}{note}", hints[is_direct]
    if not question.is_at_apex and reply.soa.lower().startswith(f"{question.mname} "):
        return Outcome.OK, "", ""
    says = f", whose SOA is {reply.soa}" if reply.soa else ""
    return Outcome.FOREIGN, f"{reply.rcode} by somebody else{says}{note}", _foreign_hint(path)


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
