"""Our key beside others', where a Corefile imports them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.custom import alike, install, key_for, remove
from globaldns.coredns.marks import BEGIN, END
from globaldns.coredns.stub import Stub
from globaldns.errors import StubError
from tests.coredns.collection import (
    ABLE,
    COREFILES,
    FALLING,
    IMPORTING,
    ISTIO,
    STUB,
    TWO_POLICIES,
    stub,
)

OTHERS = {
    "corp.server": "corp.example:53 {\n    forward . 10.1.0.53\n}\n",
    "log.override": "log\n",
    "note": "not read at all {",
}
AKS = IMPORTING["aks"]
BLOCK = "global:53 {\n    errors\n    cache 30\n    forward . 10.96.0.99\n}\n"


@pytest.mark.parametrize("base", IMPORTING.values(), ids=IMPORTING)
@pytest.mark.parametrize("data", [{}, OTHERS], ids=["no others", "others"])
@pytest.mark.parametrize("told", [STUB, TWO_POLICIES], ids=["one block", "two blocks"])
def test_laws(base: str, data: dict[str, str], told: Stub) -> None:
    installed = install(data, base, told, ABLE)
    assert {name: installed[name] for name in data} == data
    (own,) = (installed[name] for name in installed.keys() - data.keys())
    assert len(parse_corefile(own).blocks) == len(told.policies)
    assert remove(installed) == data
    assert install(installed, base, told, ABLE) == installed
    other = stub("mesh.example", server="10.96.0.7")
    moved = install(installed, base, other, ABLE)
    assert moved == install(data, base, other, ABLE)
    assert install(moved, base, told, ABLE) == installed


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), st.just("x {\n}\n")), st.sampled_from([*IMPORTING.values()]))
def test_laws_over_other_keys(data: dict[str, str], base: str) -> None:
    foreign = {name: text for name, text in data.items() if not name.startswith("globaldns.")}
    assert remove(install(foreign, base, STUB)) == foreign


def test_the_block_listens_where_the_root_zone_does() -> None:
    assert install({}, IMPORTING["gardener"], STUB) == {
        "globaldns.server": f"{BEGIN}\nglobal:8053 {{\n    errors\n    cache 30\n"
        f"    forward . 10.96.0.99\n}}\n{END}\n"
    }


def test_our_key_ends_as_the_import_says() -> None:
    base = AKS.replace("custom/*.server", "/custom/*.include")
    assert key_for(base) == "globaldns.include"


def test_where_nothing_is_imported_there_is_no_key() -> None:
    with pytest.raises(StubError) as refused:
        install({}, COREFILES["kubeadm"], STUB)
    assert refused.value.code == "imports"


@pytest.mark.parametrize(
    ("data", "base", "code", "says"),
    [
        ({"istio.server": "global:53 {\n}\n"}, AKS, "user-owned", "istio.server: line 1"),
        ({"a.server": BLOCK, "b.server": BLOCK}, AKS, "user-owned", "a.server: line 1"),
        ({}, f"{AKS}global {{\n}}\n", "user-owned", "Corefile: line 29"),
        ({"globaldns.server": "global:53 {\n}\n"}, AKS, "user-owned", "globaldns.server"),
        (
            {**install({}, AKS, STUB), "corp.server": "global:53 {\n}\n"},
            AKS,
            "user-owned",
            "corp.server",
        ),
        ({"a.server": "x\nerrors\n"}, AKS, "open-end", "closed"),
        ({"a.server": "x {\n"}, AKS, "syntax", "a.server: line 2"),
    ],
)
def test_what_is_not_understood_is_refused(
    data: dict[str, str], base: str, code: str, says: str
) -> None:
    with pytest.raises(StubError, match=says) as refused:
        install(data, base, STUB)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["globaldns.server", "istio.server", "Corefile"])
def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed(name: str) -> None:
    data = OTHERS if name == "Corefile" else {**OTHERS, name: BLOCK}
    base = AKS + BLOCK if name == "Corefile" else AKS
    assert install(data, base, STUB) == data
    assert remove(data) == data


def test_of_two_blocks_both_are_left_where_somebody_else_wrote_them() -> None:
    first, second = parts = [
        install({}, AKS, stub(one), ABLE)["globaldns.server"].replace(BEGIN, "").replace(END, "")
        for one in ("global", FALLING)
    ]
    data = {"a.server": second, "b.server": first}
    assert install(data, AKS, TWO_POLICIES, ABLE) == remove(data) == data
    assert install(OTHERS, AKS + first + second, TWO_POLICIES, ABLE) == OTHERS
    for one in parts:
        with pytest.raises(StubError) as refused:
            install({"a.server": one}, AKS, TWO_POLICIES, ABLE)
        assert refused.value.code == "user-owned"


CORP = "corp.example:53 {\n    forward . 10.1.0.53\n}\n"
OLD = "global:53 {\n    errors\n    cache 30\n    forward . 10.1.1.1\n}\n"


@pytest.mark.parametrize(
    ("theirs", "left"),
    [
        ({"istio.server": OLD}, {}),
        ({"istio.server": f"# Istio\n{OLD}"}, {"istio.server": "# Istio\n"}),
        ({"istio.server": CORP + OLD}, {"istio.server": CORP}),
        ({"istio.server": ISTIO}, {}),
        ({"globaldns.server": OLD}, {}),
        ({"ours.server": BLOCK}, {}),
    ],
)
def test_a_block_of_the_old_plugin_leaves_its_key_where_it_is_adopted(
    theirs: dict[str, str], left: dict[str, str]
) -> None:
    data = {**OTHERS, **theirs}
    known = alike(data, AKS, STUB, or_istio=True)
    assert len(known) == 1
    adopted = install(data, AKS, STUB, known=known)
    assert adopted == install({**OTHERS, **left}, AKS, STUB)
    assert install(adopted, AKS, STUB) == adopted
    assert remove(adopted) == {**OTHERS, **left}
    assert remove(data, known) == {**OTHERS, **left}


def test_what_leads_elsewhere_or_does_more_is_not_adopted() -> None:
    assert not alike({"a.server": OLD}, AKS, STUB)
    for text in ("global {\n whoami\n}\n", OLD.replace("}", "    log\n}"), OLD + OLD):
        assert not alike({"a.server": text}, AKS, STUB, or_istio=True)
    assert not alike({"a.override": OLD}, AKS, STUB, or_istio=True)
    assert not alike(install({}, AKS, STUB), AKS, STUB, or_istio=True)


def test_what_cannot_be_adopted_does_not_offer_it() -> None:
    base = AKS + OLD
    assert not alike({}, base, STUB, or_istio=True)
    with pytest.raises(StubError, match="Corefile: line 29") as refused:
        install({}, base, STUB)
    assert "--adopt" not in refused.value.hint


def test_an_adopted_block_has_lines_of_its_own() -> None:
    data = {"istio.server": f"{CORP.rstrip()} {OLD}"}
    known = alike(data, AKS, STUB, or_istio=True)
    with pytest.raises(
        StubError, match=r"istio\.server: line 3, column 3: a block for global\."
    ) as e:
        install(data, AKS, STUB, known=known)
    assert e.value.code == "shared-line"


def test_a_key_that_somebody_added_to_is_not_removed() -> None:
    installed = install({}, AKS, STUB)
    installed["globaldns.server"] += "corp.example {\n}\n"
    with pytest.raises(StubError) as refused:
        remove(installed)
    assert refused.value.code == "user-owned"
