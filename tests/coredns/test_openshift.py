"""Our entry in the operator's list."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.coredns.openshift import ENTRY, alike, fingerprints, install, remove, server_entry
from globaldns.errors import StubError
from tests.coredns.collection import STUB, TWO_POLICIES, stub

CORP: dict[str, Any] = {
    "name": "corp",
    "zones": ["corp.example"],
    "forwardPlugin": {"upstreams": ["10.1.0.53"], "policy": "Sequential", "new": {"field": 1}},
}
OURS = {
    "name": "globaldns",
    "zones": ["global"],
    "forwardPlugin": {"upstreams": ["10.96.0.99"], "protocolStrategy": ""},
}


@pytest.mark.parametrize("servers", [[], [CORP]], ids=["none", "another"])
def test_laws(servers: list[dict[str, Any]]) -> None:
    installed = install(servers, STUB)
    assert installed == [*servers, OURS]
    known = fingerprints(servers, installed)
    assert install(installed, STUB, known) == installed
    assert fingerprints(installed, installed, known) == known
    assert remove(installed, known) == servers
    assert remove(installed) == installed


def test_a_list_that_was_not_there_goes_with_the_last_of_it() -> None:
    installed = install(None, STUB)
    known = fingerprints(None, installed)
    assert remove(installed, known) is None
    assert remove([CORP, *installed], known) == [CORP]


@pytest.mark.parametrize("name", ["globaldns", "corp"])
def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed(name: str) -> None:
    theirs = [CORP, {**OURS, "name": name}]
    assert install(theirs, STUB) == theirs
    assert fingerprints(theirs, theirs) == frozenset()
    assert remove(theirs) == theirs


def test_an_entry_of_our_name_is_refused_unless_it_is_adopted() -> None:
    theirs = [{**OURS, "zones": ["corp.example"]}]
    with pytest.raises(StubError, match="an entry globaldns that is not ours") as refused:
        install(theirs, STUB)
    assert refused.value.code == "user-owned"
    assert alike(theirs, STUB) == alike([CORP], STUB, or_named=True) == frozenset()
    known = alike(theirs, STUB, or_named=True)
    assert known == alike([OURS], STUB) == {ENTRY}
    assert install(theirs, STUB, known) == [OURS]
    assert remove(theirs, known) == []


def test_ours_stays_where_it_stands_with_what_the_api_server_added() -> None:
    defaulted = {**OURS["forwardPlugin"], "policy": "Random", "transportConfig": {}}  # type: ignore[dict-item]
    standing = [{**OURS, "forwardPlugin": defaulted}, CORP]
    assert install(standing, STUB, {ENTRY}) == standing
    moved = stub("mesh.example", server="10.96.0.7 fd00::7", force_tcp=True)
    assert install(standing, moved, {ENTRY}) == [
        {
            "name": "globaldns",
            "zones": ["mesh.example"],
            "forwardPlugin": {
                "upstreams": ["10.96.0.7", "fd00::7"],
                "protocolStrategy": "TCP",
                "policy": "Random",
                "transportConfig": {},
            },
        },
        CORP,
    ]


def test_reverse_zones_are_written_out() -> None:
    entry = server_entry(stub(reverse=("240.0.0.0/7",)))
    assert entry["zones"] == ["global", "240.in-addr.arpa", "241.in-addr.arpa"]


@pytest.mark.parametrize("zone", ["global", "GLOBAL."])
def test_a_zone_that_another_entry_has_is_refused(zone: str) -> None:
    with pytest.raises(StubError, match="'corp' has zone global") as refused:
        install([{**CORP, "zones": ["corp.example", zone]}], STUB)
    assert refused.value.code == "user-owned"


def test_names_of_others_cannot_be_asked_elsewhere() -> None:
    with pytest.raises(StubError) as refused:
        install([], TWO_POLICIES)
    assert refused.value.code == "build"
