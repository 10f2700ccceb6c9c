"""Two blocks, each of a policy, come, stay and go as one does."""

from __future__ import annotations

import itertools

import pytest

from globaldns.coredns.editing import Options, alike, fingerprints, install, remove
from globaldns.coredns.marks import BEGIN, END
from globaldns.coredns.stub import Stub
from globaldns.errors import StubError
from tests.coredns.collection import ABLE, COREFILES, ISTIO, STUB, TWO_POLICIES

KUBEADM = COREFILES["kubeadm"]
TOLD = Options(build=ABLE)
INSTALLED = install(KUBEADM, TWO_POLICIES, TOLD)
KNOWN = Options(ABLE, fingerprints(INSTALLED))
FIRST = "global:53 {\n    errors\n    cache 30\n    forward . 10.96.0.99\n}\n"
SECOND = """\
mesh.example:53 {
    errors
    cache 30
    forward . 10.96.0.99 {
        next NXDOMAIN
    }
    forward . /etc/resolv.conf {
        max_concurrent 1000
    }
}
"""
MARKED = f"{BEGIN}\n{FIRST}{SECOND}{END}\n"


def test_each_policy_has_a_block_between_the_marks() -> None:
    assert INSTALLED == KUBEADM + MARKED


PARTS = ("# a\n", KUBEADM, "b {\n}\n")


@pytest.mark.parametrize("ours", [(FIRST, SECOND), (SECOND, FIRST)], ids=["in order", "swapped"])
@pytest.mark.parametrize("parts", [*itertools.permutations(PARTS)])
def test_ours_without_marks_are_found_wherever_they_stand(
    parts: tuple[str, str, str], ours: tuple[str, str]
) -> None:
    (before, between, behind), (one, other) = parts, ours
    text = f"{before}{one}{between}{other}{behind}"
    assert remove(text, KNOWN.known) == f"{before}{between}{behind}"
    assert install(text, TWO_POLICIES, KNOWN) == f"{before}{MARKED}{between}{behind}"
    assert remove(text) == text


@pytest.mark.parametrize("left", [FIRST, SECOND])
def test_where_one_is_left_without_marks_both_stand_there_again(left: str) -> None:
    assert install(f"{left}{KUBEADM}", TWO_POLICIES, KNOWN) == MARKED + KUBEADM


def test_what_is_against_ours_without_marks_has_its_line_in_the_text() -> None:
    text = f"{FIRST}{KUBEADM}{SECOND}global {{\n}}\n"
    with pytest.raises(StubError) as refused:
        install(text, TWO_POLICIES, KNOWN)
    assert refused.value.code == "user-owned"
    assert refused.value.line == text[: text.index("global {")].count("\n") + 1


@pytest.mark.parametrize("between", [f"{SECOND}{FIRST}", f"{FIRST}{SECOND.replace('30', '9')}"])
@pytest.mark.parametrize("told", [TWO_POLICIES, STUB], ids=["two", "one"])
def test_between_our_marks_two_are_ours_if_one_of_them_falls_through(
    told: Stub, between: str
) -> None:
    text = f"{BEGIN}\n{between}{END}\n{KUBEADM}"
    assert remove(text) == KUBEADM
    assert install(text, told, TOLD) == install(f"{BEGIN}\n{END}\n{KUBEADM}", told, TOLD)


THEIRS = FIRST.replace("global", "corp.example")


@pytest.mark.parametrize(
    "between",
    [
        f"{FIRST}{THEIRS}",
        f"{SECOND}{SECOND.replace('mesh', 'corp')}",
        f"{FIRST}{SECOND}{THEIRS}",
        f"{FIRST}{SECOND.replace('errors', 'whoami')}",
    ],
)
def test_what_else_stands_between_our_marks_is_refused(between: str) -> None:
    text = f"{BEGIN}\n{between}{END}\n{KUBEADM}"
    for edit in (remove, lambda text: install(text, TWO_POLICIES, TOLD)):
        with pytest.raises(StubError) as refused:
            edit(text)
        assert (refused.value.code, refused.value.line) == ("marks", 1)


def test_two_are_left_where_somebody_else_wrote_both() -> None:
    text = f"{SECOND}{KUBEADM}{FIRST}"
    assert install(text, TWO_POLICIES, TOLD) == remove(text) == text
    known = alike(text, TWO_POLICIES, ABLE)
    assert known == KNOWN.known
    assert remove(install(text, TWO_POLICIES, Options(ABLE, known))) == KUBEADM


@pytest.mark.parametrize("one", [FIRST, SECOND])
def test_one_of_two_that_somebody_else_wrote_twice_is_not_both(one: str) -> None:
    assert alike(f"{one}{KUBEADM}{one}", TWO_POLICIES, ABLE) == frozenset()


@pytest.mark.parametrize("one", [FIRST, SECOND])
def test_where_somebody_else_wrote_one_of_two_it_is_refused_and_can_be_adopted(one: str) -> None:
    text = KUBEADM + one
    assert alike(text, TWO_POLICIES, ABLE) == frozenset()
    with pytest.raises(StubError) as refused:
        install(text, TWO_POLICIES, TOLD)
    assert refused.value.code == "user-owned"
    known = alike(text, TWO_POLICIES, ABLE, or_istio=True)
    assert install(text, TWO_POLICIES, Options(ABLE, known)) == INSTALLED


def test_the_block_for_the_old_istio_plugin_may_be_one_of_two() -> None:
    for text in (f"{ISTIO}{KUBEADM}", f"{ISTIO}{SECOND}{KUBEADM}"):
        known = alike(text, TWO_POLICIES, ABLE, or_istio=True)
        assert install(text, TWO_POLICIES, Options(ABLE, known)) == MARKED + KUBEADM
    thrice = f"{ISTIO}{SECOND}{SECOND.replace('cache 30', 'cache 9')}{KUBEADM}"
    assert alike(thrice, TWO_POLICIES, ABLE, or_istio=True) == frozenset()
