"""How a kind stands after whatever is told of it."""

from __future__ import annotations

import pytest

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.resources import ENDPOINT_SLICES, NODES, PODS, SERVICES, VIP_LEDGERS
from globaldns.kube.watch import Absent, Begun, Contact, Failed, Notice, Opened, Scope
from globaldns.model.finding import Severity
from globaldns.objects import ObjectKey
from globaldns.sources.parts import Part, Parts, Standing

FORBIDDEN = Failed(ApiRefused("no", status=403))
BROKEN = Failed(ApiError("reset", hint="look at the network"))
LISTED = "listed"
A, B = ObjectKey("Pod", "ns", "a"), ObjectKey("Pod", "ns", "b")

STANDINGS: list[tuple[tuple[Notice | str, ...], Standing, str]] = [
    ((), Standing.WAITING, ""),
    ((Begun(),), Standing.WAITING, ""),
    ((BROKEN,), Standing.WAITING, "reset"),
    ((Opened(), Contact()), Standing.WAITING, ""),
    ((LISTED,), Standing.READ, ""),
    ((FORBIDDEN,), Standing.DENIED, "may not be read"),
    ((FORBIDDEN, BROKEN), Standing.DENIED, "reset"),
    ((FORBIDDEN, LISTED), Standing.READ, ""),
    ((FORBIDDEN, Absent()), Standing.ABSENT, ""),
    ((Absent(),), Standing.ABSENT, ""),
    ((Absent(), BROKEN), Standing.ABSENT, ""),
    ((Absent(), FORBIDDEN), Standing.DENIED, "may not be read"),
    ((Absent(), LISTED), Standing.READ, ""),
    ((LISTED, BROKEN), Standing.SILENT, "reset"),
    ((LISTED, FORBIDDEN), Standing.SILENT, "may not be read"),
    ((LISTED, BROKEN, Opened()), Standing.READ, ""),
    ((LISTED, BROKEN, Contact()), Standing.READ, ""),
    ((LISTED, BROKEN, Begun()), Standing.SILENT, "reset"),
    ((LISTED, BROKEN, Begun(), Contact()), Standing.SILENT, "reset"),
    ((LISTED, BROKEN, Begun(), LISTED), Standing.READ, ""),
    ((LISTED, Absent()), Standing.GONE, "is not served any more: what it said last stands"),
    ((LISTED, Absent(), BROKEN), Standing.SILENT, "reset"),
    ((LISTED, BROKEN, Absent()), Standing.GONE, "is not served any more: what it said last stands"),
    ((LISTED, Absent(), Opened()), Standing.READ, ""),
]


def part(*notices: Notice | str, is_optional: bool = True) -> Part:
    found = Part(is_optional=is_optional)
    for notice in notices:
        if isinstance(notice, str):
            found.complete()
        else:
            found.note(notice)
    return found


@pytest.mark.parametrize(("notices", "standing", "reason"), STANDINGS)
def test_a_kind_stands_as_it_was_told(
    notices: tuple[Notice | str, ...], standing: Standing, reason: str
) -> None:
    found = part(*notices)
    assert (found.standing, found.reason) == (standing, reason)
    assert found.is_settled is (standing is not Standing.WAITING)
    assert found.is_silent is (standing in {Standing.SILENT, Standing.GONE})
    assert found.is_listed is (standing not in {Standing.WAITING, Standing.DENIED})


@pytest.mark.parametrize("former", [(), (FORBIDDEN,), (LISTED,)])
def test_what_every_server_has_is_never_absent(former: tuple[Notice | str, ...]) -> None:
    before = part(*former, is_optional=False)
    found = part(*former, Absent(), is_optional=False)
    assert found.standing is (Standing.GONE if former == (LISTED,) else before.standing)
    assert found.reason
    assert found.hint


def test_what_is_wrong_has_its_remedy() -> None:
    assert part(BROKEN).hint == "look at the network"
    assert "cluster roles" in part(FORBIDDEN).hint
    assert "CustomResourceDefinition" in part(LISTED, Absent()).hint
    assert part(BROKEN, LISTED).hint == ""


def test_a_list_says_what_is_there_no_more() -> None:
    found = part()
    found.hold(A)
    found.note(Begun())
    found.hold(B)
    assert found.complete() == {A}
    assert found.keys == {B}


def test_what_is_deleted_in_the_middle_of_a_list_is_not_there_after_it() -> None:
    found = part(Begun())
    found.hold(A)
    assert found.lose(A)
    assert found.complete() == set()
    assert not found.holds(A)
    assert not found.lose(A)


def test_what_a_list_showed_that_broke_off_is_there() -> None:
    found = part(Begun())
    found.hold(A)
    found.note(BROKEN)
    found.hold(B)
    found.note(Begun())
    assert found.complete() == {A, B}


def parts(*scopes: Scope) -> Parts:
    return Parts(scopes)


def test_what_two_scopes_hold_is_left_when_one_is_dropped() -> None:
    everywhere, inside = Scope(PODS), Scope(PODS, "ns")
    found = parts(everywhere, inside, Scope(ENDPOINT_SLICES))
    for scope, keys in ((everywhere, (A,)), (inside, (A, B))):
        held = found.find(scope)
        assert held is not None
        for key in keys:
            held.hold(key)
    assert sorted(found.keys(PODS)) == [A, A, B]
    assert found.drop(inside) == {B}
    assert found.hold(PODS, A)
    assert not found.hold(PODS, B)
    assert found.find(inside) is None
    assert inside not in found.scopes


@pytest.mark.parametrize(
    ("resource", "is_stale", "denied"),
    [
        (SERVICES, True, {"Service"}),
        (VIP_LEDGERS, True, {"VIPLedger"}),
        (PODS, False, set()),
        (NODES, False, set()),
    ],
)
def test_only_what_tells_names_and_vips_is_missed(
    resource: object,
    is_stale: bool,  # noqa: FBT001
    denied: set[str],
) -> None:
    scope = Scope(resource)  # type: ignore[arg-type]
    found = parts(scope)
    held = found.find(scope)
    assert held is not None
    held.note(FORBIDDEN)
    assert (found.denied, found.are_silent, found.are_stale) == (denied, False, False)
    held.complete()
    held.note(BROKEN)
    assert (found.denied, found.are_silent, found.are_stale) == (set(), True, is_stale)


def told(**words: Notice | str) -> Parts:
    """Return kinds, by the words for each; ``listed`` is a whole list."""
    kinds = {"pods": PODS, "services": SERVICES, "nodes": NODES, "vipledgers": VIP_LEDGERS}
    found = parts(*(Scope(kinds[name]) for name in words))
    for name, word in words.items():
        held = found.find(Scope(kinds[name]))
        assert held is not None
        if isinstance(word, str):
            held.complete()
        else:
            held.note(word)
    return found


def test_every_kind_that_may_not_be_read_is_told() -> None:
    found = told(pods=FORBIDDEN, services=LISTED, nodes=FORBIDDEN)
    assert found.reason == "nodes, pods: may not be read"
    (finding,) = found.findings("east")
    assert (finding.object, finding.reason) == ("nodes, pods", "may not be read")
    assert not found.are_denied
    assert told(pods=LISTED).reason == ""


@pytest.mark.parametrize(
    ("kind", "severity"), [("nodes", Severity.WARNING), ("services", Severity.ERROR)]
)
def test_a_kind_without_which_all_names_are_known_is_no_error(
    kind: str, severity: Severity
) -> None:
    found = told(**{"vipledgers": LISTED, kind: FORBIDDEN})
    assert [one.severity for one in found.findings("east")] == [severity]


@pytest.mark.parametrize("other", [FORBIDDEN, Absent()])
def test_an_account_that_may_read_nothing_is_told_as_that(other: Notice) -> None:
    found = told(services=FORBIDDEN, vipledgers=other)
    assert found.are_denied
    assert found.reason == "its account may not read anything"
    (finding,) = found.findings("east")
    assert (finding.severity, finding.object) == (Severity.ERROR, "")
    assert finding.reason == found.reason
    assert "cluster roles" in finding.hint


def test_refusals_are_told_once_each_kind_has_its_answer() -> None:
    assert told(services=FORBIDDEN, pods=Begun()).reason == ""
    assert told(services=FORBIDDEN, pods=BROKEN).reason == "reset"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ApiError("reset"), "reset"),
        (ApiRefused("GET /a", status=401), "the server does not accept our credentials"),
        (ApiRefused("GET /a: away", status=503, said="away"), "the server answers 503: away"),
        (ApiRefused("GET /a", status=429), "the server answers 429"),
    ],
)
def test_a_server_that_does_not_answer_gives_one_reason_however_many_kinds_wait(
    error: ApiError, reason: str
) -> None:
    found = told(pods=LISTED, services=LISTED, nodes=FORBIDDEN)
    for resource in (PODS, SERVICES):
        held = found.find(Scope(resource))
        assert held is not None
        held.note(Failed(error))
        assert found.reason == reason


def test_all_are_settled_once_each_is() -> None:
    found = parts(Scope(PODS), Scope(SERVICES))
    held = found.find(Scope(SERVICES))
    assert held is not None
    held.note(FORBIDDEN)
    assert found.are_settled([SERVICES])
    assert not found.are_settled([PODS])
    assert not found.are_settled()
