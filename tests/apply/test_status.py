"""The status of a GlobalService: what it says, and that time alone changes nothing."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.apply.facts import PartState
from globaldns.apply.status import CONTACT_SECONDS, Status, decode_status, read_time
from globaldns.model.export import Endpoint
from globaldns.registry.registry import Registry
from tests.apply.showing import NOW, condition, facts, part, stored, write
from tests.registry.mesh import A, both, export, reset, settings, settled

ENDPOINTS = (Endpoint("10.0.0.1"), Endpoint("10.0.0.2", ready=False))


def test_a_service_is_shown_as_it_is_answered() -> None:
    here = msgspec.structs.replace(export("a.ns"), endpoints=ENDPOINTS)
    registry = both(here, export("a.ns", "west"))
    status = write(facts(registry), generation=3)
    shown = msgspec.json.decode(msgspec.json.encode(status))
    conditions = shown.pop("conditions")
    (claim,) = registry.claims.held(A)
    assert shown == {
        "host": "a.ns.global",
        "vip": status.vip,
        "vips": [{"address": status.vip, "kind": "given", "allocatedAt": "1970-01-01T00:00:10Z"}],
        "clusters": "east,west",
        "ready": "1/2",
        "contributors": [
            {"cluster": "east", "state": "synced", "endpoints": 2, "ready": 1},
            {"cluster": "west", "state": "synced", "endpoints": 0, "ready": 0},
        ],
        "observedGeneration": 3,
    }
    assert claim.allocated_at == 10
    assert [(one["type"], one["status"]) for one in conditions] == [
        ("Ready", "True"),
        ("Conflict", "False"),
        ("VIPMoved", "False"),
        ("SourceStale", "False"),
    ]
    assert all(one["observedGeneration"] == 3 for one in conditions)


def test_pinned_addresses_are_all_shown_as_pinned() -> None:
    status = write(facts(both(export("a.ns", pins=["240.0.0.5", "240.0.0.6"]))))
    assert status.vip == "240.0.0.5,240.0.0.6"
    assert [one.kind for one in status.vips] == ["pinned", "pinned"]


def test_an_address_that_istio_gave_has_no_date() -> None:
    registry = both(export("a.ns", local=["240.240.0.9"]))
    (vip,) = write(facts(registry)).vips
    assert (vip.address, vip.kind, vip.allocated_at) == ("240.240.0.9", "given", None)


def test_time_alone_changes_nothing() -> None:
    told = facts(both(export("a.ns")), parts=(part(), part("east", PartState.SILENT, contact=NOW)))
    first = write(told)
    assert write(told, stored(first), now=NOW + 10**6) == first


@pytest.mark.parametrize(
    ("state", "passed", "shown"),
    [
        (PartState.SILENT, 30, NOW),
        (PartState.SILENT, CONTACT_SECONDS, NOW),
        (PartState.SILENT, CONTACT_SECONDS + 1, NOW + CONTACT_SECONDS + 1),
        (PartState.LOST, 30, NOW + 30),
        (PartState.SYNCED, 30, None),
        (PartState.FENCED, 30, None),
    ],
)
def test_a_contact_is_told_anew_only_with_another_state_or_after_long(
    state: PartState, passed: int, shown: int | None
) -> None:
    told = facts(both(export("a.ns")))
    before = write(msgspec.structs.replace(told, parts=(part(state=PartState.SILENT),)))
    after = part(state=state, contact=NOW + passed)
    (contributor,) = write(msgspec.structs.replace(told, parts=(after,)), before).contributors
    assert read_time(contributor.contact) == shown


def test_a_cluster_that_was_never_heard_has_no_contact() -> None:
    told = facts(both(export("a.ns")), parts=(part(state=PartState.WAITING, contact=None),))
    assert write(told).contributors[0].contact is None


def test_a_host_that_nobody_exports_shows_what_is_kept_for_it() -> None:
    registry = settled(Registry(settings()), reset("east"), reset("west"))
    status = write(facts(registry))
    assert (status.host, status.vip, status.clusters, status.ready) == (
        "a.ns.global",
        "",
        "",
        "0/0",
    )
    assert condition(status, "Ready").reason == "NotExported"


def test_the_wish_that_was_obeyed_last_stays() -> None:
    told = facts(both(export("a.ns")))
    first = write(msgspec.structs.replace(told, renumbered_at=NOW))
    assert first.renumbered_at == "2026-01-02T03:04:05Z"
    assert write(told, stored(first)).renumbered == NOW


def test_another_address_than_people_were_shown_is_a_move() -> None:
    before = write(facts(both(export("a.ns"))))
    after = facts(both(export("a.ns", pins=["240.0.0.5"])))
    moved = condition(write(after, before), "VIPMoved")
    assert (moved.status, moved.reason) == ("True", "Pinned")
    assert moved.message.startswith(f"from {before.vip} to 240.0.0.5 (pinned)")


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b'{"host": 5}', b'{"conditions": [{"type": "Ready"}]}']
)
def test_a_status_that_is_not_ours_is_as_good_as_none(data: bytes) -> None:
    assert decode_status(data) == Status()


def test_a_foreign_address_in_it_is_no_move() -> None:
    former = decode_status(b'{"vips": [{"address": "here", "kind": "given"}]}')
    status = write(facts(both(export("a.ns"))), former)
    assert condition(status, "VIPMoved").status == "False"


@pytest.mark.parametrize("text", [None, "yesterday", "2026-01-02"])
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert read_time(text) is None
