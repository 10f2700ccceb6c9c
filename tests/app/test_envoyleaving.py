"""A service is routed for a while after its name is gone, unless its VIP is another's by then."""

from __future__ import annotations

from immutables import Map
from msgspec.structs import replace

from globaldns.app.envoyleaving import LeavingServices, Services
from globaldns.model.service import Service, ServiceState
from tests.envoy.meshes import FAR, NEAR, web

WEB = web(NEAR)
OTHER = web(FAR, host="b.shop", vips=WEB.vips)
SECONDS = 10.0


def of(*every: Service) -> Services:
    return Map({one.host: one for one in every})


def gone() -> LeavingServices:
    """One service went at second 100."""
    leaving = LeavingServices()
    leaving.follow([WEB.host], of(WEB), 0.0)
    leaving.follow([WEB.host], of(), 100.0)
    return leaving


def test_it_is_routed_as_it_was_until_its_time_is_over() -> None:
    leaving = gone()
    assert leaving.routed == of(WEB)
    leaving.follow([WEB.host], of(), 105.0)  # it is told of once more
    assert not leaving.is_over(109.9, SECONDS)
    assert leaving.end([], 109.9, SECONDS) == []
    assert leaving.is_over(110.0, SECONDS)
    assert leaving.end([], 110.0, SECONDS) == [WEB.host]
    assert leaving.routed == of()
    assert not leaving.is_over(110.0, SECONDS)


def test_what_was_never_published_leaves_nothing() -> None:
    leaving = LeavingServices()
    leaving.follow([WEB.host], of(), 0.0)
    assert leaving.routed == of()


def test_who_comes_back_is_as_it_is_then_and_leaves_anew() -> None:
    leaving = gone()
    again = replace(WEB, contributions=())
    leaving.follow([WEB.host], of(again), 105.0)
    assert leaving.end([WEB.host], 120.0, SECONDS) == []
    assert leaving.routed == of(again)
    leaving.follow([WEB.host], of(), 130.0)
    assert leaving.end([], 139.9, SECONDS) == []


def test_a_vip_that_leads_to_another_by_now_is_no_longer_the_old_ones() -> None:
    leaving = gone()
    waiting = replace(OTHER, state=ServiceState.HANDOVER)
    leaving.follow([OTHER.host], of(waiting), 101.0)
    assert leaving.end([OTHER.host], 101.0, SECONDS) == []
    leaving.follow([OTHER.host], of(OTHER), 102.0)
    assert leaving.end([OTHER.host], 102.0, SECONDS) == [WEB.host]
    assert leaving.routed == of(OTHER)
