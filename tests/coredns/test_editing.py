"""Our block comes, stays and goes, and nothing else moves."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings

from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import Options, alike, fingerprints, install, remove
from globaldns.coredns.marks import BEGIN, END
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import surroundings_of
from globaldns.errors import StubError
from tests.coredns.collection import (
    ABLE,
    COREFILES,
    ISTIO,
    SOUP,
    STUB,
    TWO_POLICIES,
    corefiles,
    spoiled,
    stub,
)

OTHER = stub("global", "mesh.example", server="10.96.0.7 fd00::7")
WITH_NEXT = Options(build=ABLE)
KUBEADM = COREFILES["kubeadm"]
BEHIND = KUBEADM.count("\n") + 1
PLAIN = "global:53 {\n    errors\n    cache 30\n    forward . 10.96.0.99\n}\n"
CASES = {
    f"{name}, {how}": text
    for name, whole in COREFILES.items()
    for how, text in spoiled(whole).items()
}


def stripped(text: str) -> str:
    """A text without our marks, as kubeadm's upgrade leaves it."""
    return re.sub(rf"{BEGIN}\r?\n|\r?\n{END}\b(?!-)", "", text)


def check_laws(text: str, told: Stub = STUB) -> None:
    count = len(told.policies)
    installed = install(text, told, WITH_NEXT)
    assert remove(installed) == text
    assert install(installed, told, WITH_NEXT) == installed
    assert install(installed, OTHER, WITH_NEXT) == install(text, OTHER, WITH_NEXT)
    assert install(install(text, OTHER, WITH_NEXT), told, WITH_NEXT) == installed
    foreign, ours = parse_corefile(text).contents, parse_corefile(installed).contents
    assert ours[:-count] == foreign
    assert [keys[0].split(":")[0] for keys, _ in ours[-count:]] == [*told.names]
    known = fingerprints(installed)
    assert len(known) == count
    assert remove(stripped(installed), known) == text
    options = msgspec.structs.replace(WITH_NEXT, known=known)
    assert install(stripped(installed), told, options) == installed


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_laws_over_the_corefiles_of_all_platforms(text: str) -> None:
    check_laws(text)


FORWARDING = {
    name: text for name, text in CASES.items() if surroundings_of(parse_corefile(text)).forwards
}


@pytest.mark.parametrize("text", FORWARDING.values(), ids=FORWARDING)
def test_laws_of_two_blocks_over_the_corefiles_of_all_platforms(text: str) -> None:
    check_laws(text, TWO_POLICIES)


@settings(max_examples=50, deadline=None)
@given(corefiles())
def test_laws_over_other_corefiles(text: str) -> None:
    check_laws(text)


@settings(max_examples=50, deadline=None)
@given(corefiles("forward . 10.1.0.53"))
def test_laws_of_two_blocks_over_other_corefiles(text: str) -> None:
    check_laws(text, TWO_POLICIES)


def others(text: str, told: Stub) -> list[object]:
    """What the blocks say that are not for our zones."""
    ours = {f"{name}." for name in told.names}
    blocks = parse_corefile(text).blocks
    return [b.content for b in blocks if ours.isdisjoint(key.zone for key in b.zones)]


@pytest.mark.parametrize("told", [STUB, TWO_POLICIES], ids=["one block", "two blocks"])
@settings(max_examples=300, deadline=None)
@given(text=SOUP)
def test_whatever_is_not_refused_obeys(told: Stub, text: str) -> None:
    try:
        installed = install(text, told, WITH_NEXT)
    except StubError:
        return
    assert install(installed, told, WITH_NEXT) == installed
    foreign = others(remove(text), told)
    assert others(installed, told) == others(remove(installed), told) == foreign
    assert len(parse_corefile(installed).blocks) == len(foreign) + len(told.policies)
    if BEGIN not in text:
        assert remove(installed) == text


def test_what_is_installed() -> None:
    assert install(KUBEADM, STUB) == f"{KUBEADM}{BEGIN}\n{PLAIN}{END}\n"


def test_without_our_block_nothing_is_removed() -> None:
    assert remove(KUBEADM) == KUBEADM


def test_our_block_is_written_again_where_it_stands() -> None:
    drifted = f"{BEGIN}\nglobal:53 {{\n log\n forward . 10.9.9.9\n}}\n{END}\n{KUBEADM}"
    assert install(drifted, STUB) == f"{BEGIN}\n{PLAIN}{END}\n{KUBEADM}"
    assert install(f"{BEGIN}\n{END}\n{KUBEADM}", STUB) == f"{BEGIN}\n{PLAIN}{END}\n{KUBEADM}"


LIKE_OURS = {
    "as we write it": f"{KUBEADM}{PLAIN}",
    "with other blanks": f"{KUBEADM}global:53 {{\n errors\n cache   30\n forward . 10.96.0.99\n}}",
    "at the top": f"{PLAIN}{KUBEADM}",
    "on a shared line": f"a {{\n}} {PLAIN}{KUBEADM}",
    "before a comment": f"{KUBEADM}{PLAIN.rstrip()}  # mine\n",
    "by a snippet": f"(x) {{\n{PLAIN}}}\n{KUBEADM}import x\n",
    "beside files": f"{KUBEADM}{PLAIN}import conf.d/*\n",
}


@pytest.mark.parametrize("text", LIKE_OURS.values(), ids=LIKE_OURS)
def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed(text: str) -> None:
    assert install(text, STUB) == text
    assert fingerprints(text) == frozenset()
    assert remove(text) == text
    assert len(alike(text, STUB)) == 1


def test_it_is_refused_once_we_should_say_something_else() -> None:
    with pytest.raises(StubError) as refused:
        install(KUBEADM + PLAIN, OTHER)
    assert refused.value.code == "user-owned"


def test_what_is_adopted_gets_our_marks_and_goes_with_us() -> None:
    text = KUBEADM + PLAIN
    adopted = install(text, STUB, Options(known=alike(text, STUB)))
    assert adopted == install(KUBEADM, STUB)
    assert remove(adopted) == KUBEADM
    assert alike(KUBEADM, STUB) == alike(KUBEADM + PLAIN, OTHER) == frozenset()


def test_a_block_that_has_lost_its_marks_is_ours_if_it_says_what_we_said() -> None:
    said = fingerprints(install(KUBEADM, STUB))
    stripped = KUBEADM + PLAIN
    assert install(stripped, OTHER, Options(known=said)) == install(KUBEADM, OTHER)
    assert remove(stripped, said) == KUBEADM
    assert remove(stripped) == stripped


def test_a_text_without_our_block_has_no_fingerprint() -> None:
    assert fingerprints(KUBEADM + PLAIN) == frozenset()


REFUSED = {
    "somebody else's": (f"{KUBEADM}global:53 {{\n forward . 10.9.9.9\n}}\n", "user-owned", BEHIND),
    "beside ours": (
        f"{BEGIN}\n{PLAIN}{END}\n{KUBEADM}global {{\n}}\n",
        "user-owned",
        BEHIND + PLAIN.count("\n") + 2,
    ),
    "before ours": (f"{KUBEADM}global {{\n}}\n{BEGIN}\n{PLAIN}{END}\n", "user-owned", BEHIND),
    "nothing at all": ("", "root", 0),
    "a comment alone": ("# none yet\n", "root", 0),
    "ours alone": (f"{BEGIN}\n{PLAIN}{END}\n", "root", 0),
    "a snippet alone": ("(x) {\n errors\n}\n", "root", 0),
    "twice, as we would": (f"{PLAIN}{KUBEADM}{PLAIN}", "user-owned", 1),
    "in capitals": (f"GLOBAL. {{\n}}\n{KUBEADM}", "user-owned", 1),
    "beside other zones": (f"{KUBEADM}a:53 global:53 {{\n}}\n", "user-owned", BEHIND),
    "by a snippet": (f"(x) {{\nglobal {{\n}}\n}}\n{KUBEADM}import x\n", "user-owned", BEHIND + 4),
    "at a port that cannot be told": (f"{KUBEADM}global:{{$PORT}} {{\n}}\n", "user-owned", BEHIND),
    "in files": (f"{KUBEADM}import conf.d/*\n", "imports", 0),
    "a zone that cannot be told": (f"{KUBEADM}{{$ZONE}}:53 {{\n}}\n", "unknown-zone", BEHIND),
    "no root zone": ("cluster.local:53 {\n}\n", "root", 1),
    "a block without braces": (".:53\nerrors\nforward . 1.1.1.1\n", "open-end", 3),
    "a key alone": (".:53", "open-end", 1),
    "a brace that is missing": (".:53 {\n cache {\n  success 5\n }\n", "open-end", 4),
    "a brace too many": (f"{KUBEADM}}}\n", "open-end", BEHIND),
    "a brace too many before others": (f"{KUBEADM}}}\na {{\n}}\n", "open-end", BEHIND),
    "a quote that is open": ('.:53 {\n}\n# x\na {\n} "b {', "open-end", 5),
    "a quote of nothing that is open": ('.:53 {\n}\n"', "open-end", 2),
    "what coredns does not read": (".:53 {\n", "syntax", 2),
    "a mark without its pair": (f"{KUBEADM}{BEGIN}\n", "marks", BEHIND),
    "indented marks": (f"{KUBEADM}  {BEGIN}\n{PLAIN}  {END}\n", "marks", BEHIND),
    "words of a mark in a comment": (f"# keep {BEGIN} alone\n{KUBEADM}", "marks", 1),
    "two blocks between marks": (f"{BEGIN}\n{PLAIN}a {{\n}}\n{END}\n{KUBEADM}", "marks", 1),
    "somebody else's between marks": (
        f"{KUBEADM}{BEGIN}\nfoo:53 {{\n whoami\n}}\n{END}\n",
        "marks",
        BEHIND,
    ),
    "a snippet between marks": (f"{BEGIN}\n(x) {{\n}}\n{END}\n{KUBEADM}", "marks", 1),
    "an import between marks": (f"{BEGIN}\nimport x\n{END}\n{KUBEADM}", "marks", 1),
    "marks inside a snippet": (f"(x) {{\n{BEGIN}\n{PLAIN}{END}\n}}\n{KUBEADM}", "open-end", 2),
    "marks inside a quote": (f'.:53 {{\n log "\n{BEGIN}\n{END}\n"\n}}\n', "marks", 3),
    "empty marks inside a block": (f".:53 {{\n errors\n{BEGIN}\n{END}\n}}\n", "marks", 3),
    "empty marks behind what is not closed": (f".:53\nerrors\n{BEGIN}\n{END}\n", "open-end", 3),
}


@pytest.mark.parametrize(
    ("end", "column", "hint"),
    [
        ("}\n", 1, "take it away"),
        ("a:53 {\n}  }", 4, "take it away"),
        ('a "b {', 3, "close it"),
        ("a:53", 5, "put braces around the last block"),
    ],
)
def test_what_is_open_is_told_where_it_is(end: str, column: int, hint: str) -> None:
    with pytest.raises(StubError) as refused:
        install(f"{KUBEADM}{end}", STUB)
    assert refused.value.column == column
    assert refused.value.hint.startswith(hint)


WITHOUT_MARKS = {
    "on a shared line": (f"a {{\n}} {PLAIN}{KUBEADM}", 2),
    "by a snippet that brings more": (
        f"(x) {{\n{PLAIN}a {{\n}}\n}}\n{KUBEADM}import x\n",
        BEHIND + len(PLAIN.splitlines()) + 4,
    ),
    "before a comment": (f"{KUBEADM}{PLAIN.rstrip()}  # mine\n", BEHIND),
}


@pytest.mark.parametrize(("text", "line"), WITHOUT_MARKS.values(), ids=WITHOUT_MARKS)
def test_ours_without_marks_has_to_have_lines_of_its_own(text: str, line: int) -> None:
    known = fingerprints(install(KUBEADM, STUB))
    for edit in (lambda: install(text, STUB, Options(known=known)), lambda: remove(text, known)):
        with pytest.raises(StubError) as refused:
            edit()
        assert (refused.value.code, refused.value.line) == ("shared-line", line)
        assert refused.value.hint


@pytest.mark.parametrize(("text", "code", "line"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused(text: str, code: str, line: int) -> None:
    with pytest.raises(StubError) as refused:
        install(text, STUB)
    assert refused.value.code == code
    assert not line or refused.value.line == line
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    ["global:5353 {\n}\n", "tls://global {\n}\n", "ns1.global {\n}\n", "# global:53 {\n"],
)
def test_blocks_that_only_look_like_ours_are_left_alone(text: str) -> None:
    check_laws(KUBEADM + text)


@pytest.mark.parametrize(
    "block",
    [
        ISTIO,
        ISTIO.replace("proxy", "forward"),
        ISTIO.replace("    errors\n", ""),
        ISTIO.replace("10.96.12.34", "10.96.12.34:53"),
    ],
)
def test_the_block_for_the_old_istio_plugin_is_adopted_on_request(block: str) -> None:
    text = f"{KUBEADM}{block}# behind\n"
    with pytest.raises(StubError, match=r"block for global\. that is not ours"):
        install(text, STUB)
    adopted = install(text, STUB, Options(known=alike(text, STUB, or_istio=True)))
    assert adopted == f"{KUBEADM}{BEGIN}\n{PLAIN}{END}\n# behind\n"
    assert remove(adopted) == f"{KUBEADM}# behind\n"


@pytest.mark.parametrize(
    "block",
    [
        ISTIO.replace("errors", "log"),
        ISTIO.replace("10.96.12.34", "10.96.12.34 {\n force_tcp\n}"),
        ISTIO.replace("10.96.12.34", "/etc/resolv.conf"),
        ISTIO.replace("global:53", "global:53 corp.example"),
        ISTIO.replace("    proxy . 10.96.12.34\n", ""),
    ],
)
def test_no_other_block_is_adopted(block: str) -> None:
    assert alike(KUBEADM + block, STUB, or_istio=True) == frozenset()
