"""Who has a name of ours, and what is told of it."""

from __future__ import annotations

import pytest
from msgspec import json

from globaldns.apply.routes.standing import key_of
from globaldns.apply.routes.taken import Holder, read_holder, tell_taken
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.notices import Code
from tests.apply.routes.documents import entry, rule

ENTRY, RULE = key_of(entry()), key_of(rule())


@pytest.mark.parametrize(
    ("labels", "holder"),
    [
        (None, Holder(ENTRY, "")),
        ({"team": "shop"}, Holder(ENTRY, "")),
        ({OWNED_BY: "west"}, Holder(ENTRY, "west")),
        ({OWNED_BY: "east"}, None),
    ],
)
def test_who_has_a_name_is_known_by_our_mark(
    labels: dict[str, str] | None, holder: Holder | None
) -> None:
    data = json.encode({"metadata": {**entry()["metadata"], "labels": labels}, "spec": 1})
    assert read_holder("ServiceEntry", data, "east") == holder
    assert read_holder("ServiceEntry", b"{}", "east") is None


@pytest.mark.parametrize(
    ("owner", "whose", "remedy"),
    [
        ("", "has no mark of ours", "give it another name"),
        ("west", "has the mark of cluster west", "only one of them"),
    ],
)
def test_what_is_told_names_place_owner_and_remedy(owner: str, whose: str, remedy: str) -> None:
    notice = tell_taken(Holder(RULE, owner), rule())
    assert (notice.host, notice.code) == ("web.shop.global", Code.TAKEN_NAME)
    assert notice.detail.startswith(
        f"DestinationRule shop/web-global stands there already and {whose}"
    )
    assert remedy in notice.hint
