"""An object before and after it tells of us, in each shape."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from globaldns.coredns.editing import Options
from globaldns.coredns.targets import Target, fingerprints
from globaldns.errors import StubError
from globaldns.stubs.shapes import (
    Wish,
    install,
    is_apart,
    patch_between,
    remove,
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
    assert install(at, after, wish) == after
    assert remove(at, after, STUB) == document


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
    assert remove(at, made, STUB) is None
    with_more = {**made, "binaryData": {"theirs": "eA=="}}
    kept = remove(at, with_more, STUB)
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
    known = fingerprints(COREFILE, after, STUB)
    assert known
    text = "".join(f"{x}\n" for x in text_of(COREFILE, after).splitlines() if x[0] != "#")
    bare = {**after, "data": {**after["data"], "Corefile": text}}
    assert remove(COREFILE, bare, None, known) == KUBEADM[0]
    other = Wish(stub(server="10.96.0.98"), Options(known=known))
    assert "10.96.0.98" in text_of(COREFILE, install(COREFILE, bare, other))
    assert remove(COREFILE, bare, None) == bare


def test_the_old_plugins_block_is_replaced_on_request() -> None:
    old = {**KUBEADM[0], "data": {"Corefile": KUBEADM[0]["data"]["Corefile"] + ISTIO}}
    with pytest.raises(StubError) as refused:
        install(COREFILE, old, Wish(STUB))
    assert refused.value.code == "user-owned"
    adopted = install(COREFILE, old, Wish(STUB, Options(adopt_istio=True)))
    text = text_of(COREFILE, adopted)
    assert SERVER in text
    assert "proxy" not in text


def test_stub_domains_are_left_alone_where_it_is_not_known_what_was_installed() -> None:
    with pytest.raises(StubError, match="what was installed is not known") as refused:
        remove(STUB_DOMAINS, KUBE_DNS[0], None)
    assert "--forward-to" in refused.value.hint
    empty = {**KUBE_DNS[0], "data": {"upstreamNameservers": "[]"}}
    assert remove(STUB_DOMAINS, empty, None) == empty


def test_a_change_beside_the_place_is_seen() -> None:
    document = versioned(KUBEADM[0])
    after = msgspec.to_builtins(install(COREFILE, document, Wish(STUB)))
    after["metadata"]["resourceVersion"] = "8"
    assert is_apart(COREFILE, document, after)
    after["data"]["other"] = "changed"
    assert not is_apart(COREFILE, document, after)


def test_what_is_not_there_has_no_text() -> None:
    assert text_of(COREFILE, None) == ""
