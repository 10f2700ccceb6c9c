"""What keeps documents from being written, and until when that is told."""

from __future__ import annotations

import pytest
from msgspec import json

from globaldns.apply.routes.hindrances import Hindrances, tell_refused, tell_unread
from globaldns.apply.routes.patience import Create, Delete, Replace, Step
from globaldns.apply.routes.standing import Standing, key_of, read_standing
from globaldns.errors import ApiError, ApiRefused
from globaldns.istio.notices import Code, Notice
from globaldns.kube.resources import GATEWAYS
from globaldns.model.host import Host
from tests.apply.routes.documents import entry, rule

WEB, ENTRY, RULE = Host("web.shop"), key_of(entry()), key_of(rule())
DENIED = ApiRefused("POST /apis/x: not you", status=403, said="not you")


def standing() -> Standing:
    found = read_standing("ServiceEntry", json.encode(entry()), "east")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("step", "done"),
    [
        (Create(entry()), "created"),
        (Replace(standing(), entry()), "replaced"),
        (Delete(standing()), "deleted"),
    ],
)
def test_what_is_refused_is_told_of_its_host_with_reason_and_remedy(step: Step, done: str) -> None:
    assert tell_refused(step, DENIED, "bind it") == Notice(
        "web.shop.global",
        Code.UNWRITTEN,
        f"ServiceEntry shop/web-global is not {done}: not you",
        "bind it",
    )


def test_what_is_about_no_host_is_told_by_its_own_name() -> None:
    gateway = {"kind": "Gateway", "metadata": {"name": "in", "namespace": "ours"}, "spec": {}}
    assert tell_refused(Create(gateway), ApiError("silence"), "").host == "Gateway ours/in"
    assert tell_unread(GATEWAYS, DENIED, "").host == "gateways.networking.istio.io"


def test_news_is_what_was_not_told_and_what_is_not_kept_is_forgotten() -> None:
    hindrances = Hindrances()
    first, other = (tell_refused(Create(entry()), DENIED, remedy) for remedy in ("a", "b"))
    notes = [hindrances.note(WEB, ENTRY, one) for one in (first, first, other)]
    assert notes == [True, False, True]
    of_rule = tell_refused(Create(rule()), DENIED, "")
    assert hindrances.note(WEB, RULE, of_rule)
    assert hindrances.keep(WEB, {ENTRY}) == {RULE: of_rule}
    assert hindrances.notices == {WEB: (other,)}
    assert hindrances.keep(WEB, set()) == {ENTRY: other}
    assert hindrances.keep(WEB, set()) == {}
    assert hindrances.notices == {}
