"""Whatever the shape, our words come into an object, stay there, and go."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from globaldns.coredns.editing import Options
from globaldns.coredns.marks import BEGIN, END
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target, alike, fingerprints, foreign, install, remove
from globaldns.errors import StubError
from globaldns.exports.marks import OWNED_BY
from tests.coredns.collection import ABLE, COREFILES, IMPORTING, STUB, TWO_POLICIES
from tests.coredns.targets import (
    BASES,
    COREFILE,
    CUSTOM,
    MOVED,
    OPENSHIFT,
    RKE2,
    STUB_DOMAINS,
)


def obj(**parts: Any) -> dict[str, Any]:
    """An object as an API server has it."""
    return {"kind": "Any", "metadata": {"name": "any", "resourceVersion": "7"}, **parts}


ROWS = {
    "corefile": (COREFILE, obj(data={"Corefile": COREFILES["kubeadm"], "NodeHosts": "x"})),
    "custom": (CUSTOM, obj(data={"log.override": "log\n"})),
    "custom, empty": (CUSTOM, obj()),
    "stub domains": (STUB_DOMAINS, obj(data={"stubDomains": '{"a": ["1.1.1.1"]}'})),
    "stub domains, other keys": (STUB_DOMAINS, obj(data={"upstreamNameservers": "[]"})),
    "stub domains, empty": (STUB_DOMAINS, obj()),
    "openshift": (OPENSHIFT, obj(spec={"cache": {}, "servers": [{"name": "a", "zones": ["a"]}]})),
    "openshift, none": (OPENSHIFT, obj(spec={"logLevel": "Normal"}, status={"clusterIP": "x"})),
    "openshift, an empty list": (OPENSHIFT, obj(spec={"servers": []})),
    "helm values": (RKE2, obj(spec={"valuesContent": "nodelocal:\n  enabled: true\n"})),
    "helm values, empty": (RKE2, obj(spec={"valuesContent": ""})),
    "helm values, none": (RKE2, obj(spec={"other": "x"})),
}


def check_laws(target: Target, standing: dict[str, Any], told: Stub) -> None:
    before = copy.deepcopy(standing)
    base, options = BASES.get(target, ""), Options(ABLE)
    installed = install(target, standing, told, cluster="east", base=base, options=options)
    assert installed != standing
    assert "10.96.0.99" in str(installed)
    known = fingerprints(target, standing, installed)
    options = Options(ABLE, known)
    again = install(target, installed, told, cluster="east", base=base, options=options)
    assert again == installed
    assert fingerprints(target, installed, again, known) == known
    assert foreign(target, installed, told, base=base, options=options) == ()
    assert remove(target, installed, known) == standing == before


@pytest.mark.parametrize(("target", "standing"), ROWS.values(), ids=ROWS)
def test_laws(target: Target, standing: dict[str, Any]) -> None:
    check_laws(target, standing, STUB)


IN_BLOCKS = {name: row for name, row in ROWS.items() if row[0] in {COREFILE, CUSTOM, RKE2}}


@pytest.mark.parametrize(("target", "standing"), IN_BLOCKS.values(), ids=IN_BLOCKS)
def test_laws_of_two_blocks(target: Target, standing: dict[str, Any]) -> None:
    check_laws(target, standing, TWO_POLICIES)


@pytest.mark.parametrize("target", [CUSTOM, STUB_DOMAINS, RKE2], ids=lambda target: target.shape)
def test_an_object_that_a_server_reads_if_it_is_there_is_made_and_goes(target: Target) -> None:
    made = install(target, None, STUB, cluster="east", base=BASES.get(target, ""))
    assert made["metadata"]["labels"] == {OWNED_BY: "east"}
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == (
        target.namespace,
        target.name,
    )
    assert made["kind"] in {"ConfigMap", "HelmChartConfig"}
    assert remove(target, made, fingerprints(target, None, made)) is None


def test_an_object_of_ours_stays_as_long_as_others_need_it() -> None:
    made = install(CUSTOM, None, STUB, cluster="east", base=IMPORTING["k3s"])
    made["data"]["log.override"] = "log\n"
    left = remove(CUSTOM, made)
    assert left is not None
    assert left["data"] == {"log.override": "log\n"}
    made = install(STUB_DOMAINS, None, STUB, cluster="east") | {"binaryData": {"x": "eA=="}}
    left = remove(STUB_DOMAINS, made, fingerprints(STUB_DOMAINS, None, made))
    assert left is not None
    assert "data" not in left


@pytest.mark.parametrize(
    ("row", "told"),
    [("corefile", STUB), ("corefile", TWO_POLICIES), ("stub domains", STUB)],
    ids=["one block", "two blocks", "stub domains"],
)
def test_what_is_remembered_tells_ours_again(row: str, told: Stub) -> None:
    target, standing = ROWS[row]
    installed = install(target, standing, told, cluster="east", options=Options(ABLE))
    known = fingerprints(target, standing, installed)
    bare = str(installed["data"][target.key]).replace(f"{BEGIN}\n", "").replace(f"{END}\n", "")
    stripped = obj(data={**installed["data"], target.key: bare})
    for other in (MOVED, told):
        options = Options(ABLE, known)
        moved = install(target, stripped, other, cluster="east", options=options)
        assert moved == install(target, standing, other, cluster="east", options=Options(ABLE))
        assert remove(target, stripped, known) == standing
        assert remove(target, stripped) == stripped


PLAIN = "global:53 {\n    errors\n    cache 30\n    forward . 10.96.0.99\n}\n"
SAID = {
    "corefile": (COREFILE, obj(data={"Corefile": COREFILES["kubeadm"] + PLAIN})),
    "custom": (CUSTOM, obj(data={"a.server": PLAIN})),
    "stub domains": (STUB_DOMAINS, obj(data={"stubDomains": '{"global": ["10.96.0.99"]}'})),
    "openshift": (
        OPENSHIFT,
        obj(
            spec={
                "servers": [
                    {
                        "name": "globaldns",
                        "zones": ["global"],
                        "forwardPlugin": {"upstreams": ["10.96.0.99"], "protocolStrategy": ""},
                    }
                ]
            }
        ),
    ),
    "helm values": (
        RKE2,
        obj(
            spec={
                "valuesContent": "servers:\n- zones: [{zone: global.}]\n  port: 53\n  plugins:\n"
                "  - {name: errors}\n  - {name: cache, parameters: '30'}\n"
                "  - {name: forward, parameters: . 10.96.0.99}\n"
            }
        ),
    ),
}


@pytest.mark.parametrize(("target", "said"), SAID.values(), ids=SAID)
def test_what_somebody_else_wrote_as_we_would_is_left_told_of_and_never_removed(
    target: Target, said: dict[str, Any]
) -> None:
    base = BASES.get(target, "")
    installed = install(target, said, STUB, cluster="east", base=base)
    assert installed == said
    assert fingerprints(target, said, installed) == frozenset()
    assert foreign(target, installed, STUB, base=base) == ("global",)
    assert foreign(target, installed, MOVED, base=base) == ()
    assert remove(target, installed) == said


@pytest.mark.parametrize("row", ["corefile", "stub domains", "openshift"])
def test_it_can_be_adopted_where_no_marks_have_to_be_written(row: str) -> None:
    target, said = SAID[row]
    known = alike(target, said, STUB)
    assert known
    adopted = install(target, said, STUB, cluster="east", options=Options(known=known))
    known = fingerprints(target, said, adopted, known)
    assert foreign(target, adopted, STUB, options=Options(known=known)) == ()
    assert "10.96.0.99" not in str(remove(target, adopted, known))


@pytest.mark.parametrize("row", ["custom", "helm values"])
def test_where_marks_tell_ours_nothing_is_remembered(row: str) -> None:
    target, standing = ROWS[row]
    installed = install(target, standing, STUB, cluster="east", base=BASES.get(target, ""))
    assert fingerprints(target, standing, installed) == frozenset()
    assert alike(target, installed, STUB) == frozenset()


@pytest.mark.parametrize("standing", [None, obj(), obj(data={"note": "x"})])
def test_an_object_is_left_as_it_is_where_the_corefile_that_imports_it_says_it_all(
    standing: dict[str, Any] | None,
) -> None:
    base = IMPORTING["aks"] + PLAIN
    assert install(CUSTOM, standing, STUB, cluster="east", base=base) is standing
    assert fingerprints(CUSTOM, standing, standing) == frozenset()
    assert foreign(CUSTOM, standing or {}, STUB, base=base) == ("global",)


@pytest.mark.parametrize("target", [COREFILE, OPENSHIFT], ids=lambda target: target.shape)
def test_an_object_that_has_to_be_there_is_not_made(target: Target) -> None:
    with pytest.raises(StubError, match="there is n") as refused:
        install(target, None, STUB, cluster="east")
    assert refused.value.code == "missing"


def test_an_immutable_config_map_is_refused_unless_nothing_is_to_change() -> None:
    standing = ROWS["corefile"][1] | {"immutable": True}
    with pytest.raises(StubError, match="immutable") as refused:
        install(COREFILE, standing, STUB, cluster="east")
    assert refused.value.code == "immutable"
    assert "create it again" in refused.value.hint
    assert remove(COREFILE, standing) == standing
    told = install(COREFILE, ROWS["corefile"][1], STUB, cluster="east") | {"immutable": True}
    assert install(COREFILE, told, STUB, cluster="east") == told
    with pytest.raises(StubError, match="immutable"):
        remove(COREFILE, told)
    made = install(CUSTOM, None, STUB, cluster="east", base=BASES[CUSTOM]) | {"immutable": True}
    assert remove(CUSTOM, made) is None


def test_a_config_map_without_a_corefile_gets_none() -> None:
    with pytest.raises(StubError) as refused:
        install(COREFILE, obj(data={}), STUB, cluster="east")
    assert refused.value.code == "missing"
    assert remove(COREFILE, obj(data={})) == obj(data={})


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (COREFILE, "configmaps kube-system/coredns Corefile"),
        (OPENSHIFT, "dnses.operator.openshift.io default spec.servers"),
    ],
)
def test_a_target_for_people(target: Target, text: str) -> None:
    assert str(target) == text
