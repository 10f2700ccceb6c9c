"""What people told us of fences, as words of our own cluster."""

from __future__ import annotations

import pytest

from globaldns.model.export import Origin
from globaldns.model.view import Fence, SetFences
from tests.registry.mesh import A, B, both, export, service

ORIGIN = Origin("Command", "", "cluster fence")


def word(at: int, *, fenced: bool) -> Fence:
    return Fence("west", fenced, at, ORIGIN)


def test_a_cluster_is_fenced_by_what_people_told_us_and_is_back_when_they_take_it_back():
    registry = both(export("a.ns"), export("a.ns", "west"), export("b.ns", "west"))
    claims = {*registry.claims}
    vips = service(registry, "b.ns").vips
    delta = registry.obey_words({"west": word(20, fenced=True)}, 20)
    assert (delta.removed, delta.claims) == ((B,), ())
    assert service(registry, "a.ns").clusters == ("east",)
    assert {*registry.claims} == claims
    registry.obey_words({"west": word(21, fenced=False)}, 21)
    assert service(registry, "b.ns").vips == vips


@pytest.mark.parametrize(("at", "is_fenced"), [(4, True), (6, False)])
def test_of_what_people_told_us_and_what_an_object_says_the_newest_counts(at, is_fenced):
    registry = both(export("a.ns"), export("a.ns", "west"))
    registry.apply([SetFences("east", (word(5, fenced=True),))], 20)
    registry.obey_words({"west": word(at, fenced=False)}, 20)
    assert ("west" in registry.views.fenced) is is_fenced
    assert (A in registry.services) is True
