"""An object before and after it tells of us, in each shape."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from globaldns.coredns.editing import Options
from globaldns.coredns.targets import Target, fingerprints, remove
from globaldns.errors import StubError
from globaldns.stubs.shapes import (
    Wish,
    install,
    is_apart,
    patch_between,
    plan_install,
    plan_removal,
    text_of,
)
from tests.coredns.collection import COREFILES, IMPORTING, ISTIO, SERVER, STUB, stub
from tests.coredns.targets import COREFILE, CUSTOM, OPENSHIFT, RKE2, STUB_DOMAINS
from tests.stubs.platforms import AKS, KUBE_DNS, KUBEADM, RKE2_WITH_VALUES
from tests.stubs.platforms import OPENSHIFT as OPENSHIFT_OBJECTS

ALL: dict[str, tuple[Target, dict[str, Any], str]] = {
    "Corefile": (COREFILE, KUBEADM[0], ""),
    "key": (CUSTOM, AKS[1], IMPORTING["aks"]),
    "stub domains": (STUB_DOMAINS, KUBE_DNS[0], ""),
    "operator": (OPENSHIFT, OPENSHIFT_OBJECTS[0], ""),
    "values": (RKE2, RKE2_WITH_VALUES[-1], COREFILES["rke2"]),
}
MADE = {
    "key": (CUSTOM, IMPORTING["k3s"]),
    "stub domains": (STUB_DOMAINS, ""),
    "values": (RKE2, COREFILES["rke2"]),
}

EMPTY = {"kind": "ConfigMap", "metadata": {"name": "coredns-custom"}}


def versioned(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "resourceVersion": "7"}}


@pytest.mark.parametrize("name", ALL)
def test_what_is_installed_is_there_once_alone_different_and_goes_again(name: str) -> None:
    at, document, base = ALL[name]
    before = deepcopy(document)
    wish = Wish(STUB, base=base)
    after = install(at, document, wish)
    assert document == before
    assert SERVER in text_of(at, after)
    assert SERVER not in text_of(at, document)
    assert is_apart(at, document, after)
    known = fingerprints(at, document, after)
    wish = Wish(STUB, Options(known=known), base=base)
    assert install(at, after, wish) == after
    assert plan_removal(at, after, wish).after == document


@pytest.mark.parametrize("name", ALL)
def test_a_patch_has_the_place_alone_and_the_version_that_was_read(name: str) -> None:
    at, document, base = ALL[name]
    document = versioned(document)
    patch = patch_between(at, document, install(at, document, Wish(STUB, base=base)))
    assert patch.pop("metadata") == {"resourceVersion": "7"}
    while isinstance(patch, dict) and len(patch) == 1:
        (patch,) = patch.values()
    assert SERVER in str(patch)


def test_a_key_that_goes_is_null_in_a_patch() -> None:
    document = versioned(AKS[1])
    after = install(CUSTOM, document, Wish(STUB, base=IMPORTING["aks"]))
    assert patch_between(CUSTOM, after, document)["data"] == {"globaldns.server": None}


@pytest.mark.parametrize("name", MADE)
def test_what_is_not_there_is_made_with_our_mark_and_goes_as_a_whole(name: str) -> None:
    at, base = MADE[name]
    made = install(at, None, Wish(STUB, base=base, owner="east"))
    assert made["metadata"]["labels"]["globaldns.io/owned-by"] == "east"
    known = fingerprints(at, None, made)
    assert remove(at, made, known) is None
    with_more = {**made, "binaryData": {"theirs": "eA=="}}
    kept = remove(at, with_more, known)
    assert kept is not None
    assert kept["binaryData"] == {"theirs": "eA=="}
    assert SERVER not in str(kept)


@pytest.mark.parametrize("at", [COREFILE, OPENSHIFT])
def test_what_a_platform_has_is_not_made(at: Target) -> None:
    with pytest.raises(StubError, match="there is n") as refused:
        install(at, None, Wish(STUB))
    assert refused.value.code == "missing"


def test_a_block_that_lost_its_marks_is_known_by_what_we_wrote() -> None:
    after = install(COREFILE, KUBEADM[0], Wish(STUB))
    known = fingerprints(COREFILE, KUBEADM[0], after)
    assert known
    text = "".join(f"{x}\n" for x in text_of(COREFILE, after).splitlines() if x[0] != "#")
    bare = {**after, "data": {**after["data"], "Corefile": text}}
    assert remove(COREFILE, bare, known) == KUBEADM[0]
    other = Wish(stub(server="10.96.0.98"), Options(known=known))
    assert "10.96.0.98" in text_of(COREFILE, install(COREFILE, bare, other))
    assert remove(COREFILE, bare) == bare


def test_the_old_plugins_block_is_replaced_on_request() -> None:
    old = {**KUBEADM[0], "data": {"Corefile": KUBEADM[0]["data"]["Corefile"] + ISTIO}}
    with pytest.raises(StubError) as refused:
        install(COREFILE, old, Wish(STUB))
    assert refused.value.code == "user-owned"
    text = text_of(COREFILE, plan_install(COREFILE, old, Wish(STUB, adopt=True)).after)
    assert SERVER in text
    assert "proxy" not in text
    assert plan_removal(COREFILE, old, Wish(STUB, adopt=True)).after == old


def test_what_somebody_else_wrote_is_ours_only_if_a_person_says_so() -> None:
    theirs = {**KUBE_DNS[0], "data": {"stubDomains": f'{{"global": ["{SERVER}"]}}'}}
    left = plan_install(STUB_DOMAINS, theirs, Wish(STUB))
    assert (left.after, left.theirs, left.known) == (theirs, ("global",), frozenset())
    assert left.is_theirs
    kept = plan_removal(STUB_DOMAINS, theirs, Wish(STUB))
    assert (kept.after, kept.theirs) == (theirs, ("global",))
    adopted = plan_install(STUB_DOMAINS, theirs, Wish(STUB, adopt=True))
    assert (adopted.after, adopted.theirs) == (theirs, ())
    assert adopted.known
    assert not adopted.is_theirs
    gone = plan_removal(STUB_DOMAINS, theirs, Wish(STUB, adopt=True))
    assert (gone.after, gone.theirs) == ({**theirs, "data": {"stubDomains": "{}"}}, ())


@pytest.mark.parametrize("document", [None, EMPTY])
def test_where_a_corefile_says_it_what_it_imports_is_left_and_that_is_told(
    document: dict[str, Any] | None,
) -> None:
    block = f"global:53 {{\n    errors\n    cache 30\n    forward . {SERVER}\n}}\n"
    wish = Wish(STUB, base=IMPORTING["aks"] + block, owner="east")
    change = plan_install(CUSTOM, document, wish)
    assert (change.before, change.after) == (document, document)
    assert change.is_theirs


def test_a_change_beside_the_place_is_seen() -> None:
    document = versioned(KUBEADM[0])
    after = msgspec.to_builtins(install(COREFILE, document, Wish(STUB)))
    after["metadata"]["resourceVersion"] = "8"
    assert is_apart(COREFILE, document, after)
    after["data"]["other"] = "changed"
    assert not is_apart(COREFILE, document, after)


def test_what_is_not_there_has_no_text() -> None:
    assert text_of(COREFILE, None) == ""
