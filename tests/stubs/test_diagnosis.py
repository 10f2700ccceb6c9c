"""What is wrong, by what is answered and what is configured."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.coredns.inspection import DUPLICATE, PORT, Said
from globaldns.errors import StubError
from globaldns.stubs.diagnosis import Cause, Evidence, Place, explain
from globaldns.stubs.verification import DIRECT, Outcome, QueryPath, Verdict

OURS = ("10.0.0.53",)
OTHERS = ("10.0.0.54",)
WAY = QueryPath("cluster-dns", "10.0.0.10")
NODE = QueryPath("node-local", "169.254.20.10")
PLACE = Place(
    name="configmaps kube-system/coredns Corefile",
    said=Said(OURS),
    restart="-n kube-system deployment/coredns",
    age=3600.0,
)


def answered(path: QueryPath, outcome: Outcome, reason: str = "") -> Verdict:
    return Verdict(path, "_globaldns.global", outcome, reason, "as before")


def place(servers: tuple[str, ...] | None = OURS, code: str = "", **more: Any) -> Place:
    fault = StubError("why", code=code, line=7, column=1) if code else None
    return msgspec.structs.replace(PLACE, said=Said(servers, fault), **more)


def evidence(told: Place = PLACE, **more: Any) -> Evidence:
    known = {"service": OURS, "expected": OURS, "alive": frozenset({str(WAY)}), **more}
    return Evidence(places={"cluster-dns": told, "node-local": told}, **known)


def one(verdict: Verdict, found: Evidence, direct: Outcome = Outcome.OK) -> Verdict:
    own = answered(QueryPath(DIRECT, *found.expected), direct)
    return explain((own, verdict), found)[1]


FOREIGN, REFUSED, FAILED = Outcome.FOREIGN, Outcome.REFUSED, Outcome.FAILED
SILENT, OTHER = Outcome.SILENT, Outcome.OTHER_CLUSTER
Row = tuple[Cause, Outcome, Place, dict[str, Any], str, str]
WAYS: list[Row] = [
    (Cause.MANAGED_ELSEWHERE, FOREIGN, place(is_elsewhere=True), {}, "has the conf", "install"),
    (Cause.DUPLICATE_ZONE, FOREIGN, place(None, DUPLICATE), {}, "line 7", "remove one"),
    (Cause.DUPLICATE_ZONE, FAILED, place(None, DUPLICATE), {}, "does not start", "remove one"),
    (Cause.WRONG_PORT, REFUSED, place(OURS, PORT), {}, "line 7", "stub install"),
    (Cause.BROKEN_FILE, FOREIGN, place(None, "syntax"), {}, "line 7", "mend it"),
    (Cause.CONTESTED, FOREIGN, place(None, left_until="noon"), {}, "alone until noon", "render"),
    (Cause.CONTESTED, OTHER, place(OTHERS, left_until="noon"), {}, "take back", "managedFields"),
    (Cause.NOT_RELOADED, FOREIGN, place(left_until="noon"), {}, "as before", "reload_failed_total"),
    (Cause.NOT_INSTALLED, FOREIGN, place(None), {}, "nothing of the zone", "stub install"),
    (Cause.NOT_INSTALLED, REFUSED, place(None), {}, "nothing of the zone", "stub install"),
    (Cause.NOT_INSTALLED, FAILED, place(None), {}, "nothing of the zone", "stub install"),
    (Cause.WRONG_ADDRESS, FAILED, place(OTHERS), {}, "10.0.0.54, and we", "stub install"),
    (Cause.WRONG_ADDRESS, SILENT, place(("10.0.0.53:54",)), {}, "10.0.0.53:54", "stub install"),
    (Cause.WRONG_ADDRESS, OTHER, place(OTHERS), {}, "we are at 10.0.0.53", "stub install"),
    (Cause.WRONG_ADDRESS, FOREIGN, place(()), {}, "leads to nobody, and we are", "stub install"),
    (Cause.OTHER_CLUSTER, OTHER, place(), {}, "", "as before"),
    (Cause.NO_RELOAD, FOREIGN, place(reloads=False), {}, "no plugin reload", "deployment/coredns"),
    (Cause.NO_RELOAD, REFUSED, place(reloads=False, age=5.0), {}, "no plugin", "rollout restart"),
    (Cause.NO_RELOAD, FAILED, place(reloads=False, age=5.0), {}, "no plugin", "its log says more"),
    (Cause.RELOADING, FOREIGN, place(age=5.0), {}, "written 5 s ago", "--wait 120"),
    (Cause.RELOADING, FAILED, place(age=5.0), {}, "written 5 s ago", "--wait 120"),
    (Cause.NOT_RELOADED, REFUSED, place(age=None), {}, "as before", "deployment/coredns"),
    (Cause.UNREACHABLE, SILENT, place(age=5.0), {"alive": frozenset()}, "at all", "NetworkPolicy"),
    (Cause.BLOCKED, SILENT, place(age=5.0), {}, "waits for us in vain", "NetworkPolicy"),
    (Cause.NO_ANSWER, FAILED, place(), {}, "asks us and gets nothing", "NetworkPolicy"),
]


@pytest.mark.parametrize("row", WAYS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_what_pods_ask(row: Row) -> None:
    cause, outcome, told, more, reason, hint = row
    verdict = one(answered(WAY, outcome, "seen"), evidence(told, **more))
    assert verdict.cause is cause
    assert verdict.reason.startswith("seen")
    assert reason in verdict.reason
    assert hint in verdict.hint


def test_silence_is_no_change_that_waits_to_be_read() -> None:
    for told in (place(), place(age=5.0, reloads=False)):
        assert one(answered(WAY, SILENT), evidence(told)).cause is Cause.BLOCKED
        dead = evidence(told, alive=frozenset())
        assert one(answered(WAY, SILENT), dead).cause is Cause.UNREACHABLE


@pytest.mark.parametrize(
    ("cause", "told", "reason", "hint"),
    [
        (Cause.DUPLICATE_ZONE, place(None, DUPLICATE), "does not start with it", "remove one"),
        (Cause.BROKEN_FILE, place(None, "syntax"), "does not start with it", "mend it"),
        (Cause.WRONG_PORT, place(OURS, PORT), "line 7", "stub install"),
        (Cause.NOT_INSTALLED, place(None, is_recorded=True), "we answer still", "stub install"),
    ],
)
def test_an_answer_of_ours_does_not_hide_that_it_will_not_last(
    cause: Cause, told: Place, reason: str, hint: str
) -> None:
    verdict = one(answered(WAY, Outcome.OK), evidence(told))
    assert (verdict.outcome, verdict.cause, verdict.is_ok) == (Outcome.OK, cause, False)
    assert verdict.reason.startswith(("configmaps kube-system/coredns Corefile: ", "we answer"))
    assert reason in verdict.reason
    assert hint in verdict.hint


@pytest.mark.parametrize(
    "told",
    [
        place(),
        place(age=5.0),
        place(reloads=False),
        place(OTHERS),
        place(None),
        place(None, is_elsewhere=True),
        place(OURS, "another"),
    ],
)
def test_an_answer_of_ours_is_right_whoever_had_it_come_to_us(told: Place) -> None:
    both = (answered(QueryPath(DIRECT, *OURS), Outcome.OK), answered(WAY, Outcome.OK))
    assert explain(both, evidence(told)) == both


@pytest.mark.parametrize("direct", [SILENT, FAILED, REFUSED, Outcome.OTHER_NAMESPACES])
def test_while_our_servers_do_not_answer_they_come_first(direct: Outcome) -> None:
    assert one(answered(WAY, FAILED), evidence(), direct).cause is Cause.SERVER_FIRST
    moved = evidence(service=OTHERS)
    assert one(answered(WAY, FAILED), moved, direct).cause is Cause.WRONG_ADDRESS


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (Cause.NODE_LOCAL_BYPASS, place(None)),
        (Cause.RELOADING, place(age=5.0)),
        (Cause.NODE_LOCAL_BYPASS, place()),
    ],
)
def test_the_nodes_cache_goes_its_own_way(cause: Cause, told: Place) -> None:
    both = (answered(WAY, Outcome.OK), answered(NODE, FOREIGN))
    right, wrong = explain(both, evidence(told))
    assert right == both[0]
    assert wrong.cause is cause
    assert wrong.hint


DIRECTS: list[tuple[Cause, Outcome, str, dict[str, Any], str]] = [
    (Cause.NO_SERVICE, SILENT, "", {"service": ()}, "install the chart"),
    (Cause.WRONG_ADDRESS, SILENT, "", {"expected": OTHERS}, "stub install"),
    (Cause.WRONG_ADDRESS, FOREIGN, "", {"expected": OTHERS}, "stub install"),
    (Cause.NOT_READY, FAILED, "", {}, "/readyz"),
    (Cause.SERVER_DOWN, SILENT, "no answer: connection refused", {}, "endpointslices"),
    (Cause.SERVER_BLOCKED, SILENT, "no answer within 2 s", {}, "NetworkPolicy"),
    (Cause.OTHER_CLUSTER, OTHER, "", {}, "as before"),
    (Cause.OTHER_NAMESPACES, Outcome.OTHER_NAMESPACES, "", {}, "as before"),
    (Cause.WRONG_ADDRESS, Outcome.OTHER_NAMESPACES, "", {"expected": OTHERS}, "stub install"),
    (Cause.OTHER_SERVER, FOREIGN, "", {}, "as before"),
    (Cause.OTHER_SERVER, REFUSED, "", {}, "as before"),
]


@pytest.mark.parametrize(("cause", "outcome", "reason", "more", "hint"), DIRECTS)
def test_our_own_servers(
    cause: Cause, outcome: Outcome, reason: str, more: dict[str, Any], hint: str
) -> None:
    (verdict,) = explain([answered(QueryPath(DIRECT, *OURS), outcome, reason)], evidence(**more))
    assert verdict.cause is cause
    assert hint in verdict.hint


def test_every_cause_is_told() -> None:
    rows = {row[0] for row in WAYS} | {row[0] for row in DIRECTS}
    assert rows | {Cause.SERVER_FIRST, Cause.NODE_LOCAL_BYPASS} == set(Cause)


def test_of_a_way_that_nothing_is_known_of_nothing_is_told() -> None:
    nothing = Evidence(places={}, service=OURS, expected=OURS)
    assert explain([answered(WAY, FOREIGN)], nothing)[0].cause is Cause.NOT_INSTALLED
