"""A cluster that nobody says how to reach."""

from __future__ import annotations

import asyncio

import pytest

from globaldns.kube.kubeconfig import Access
from globaldns.model.finding import Finding, Severity
from globaldns.model.view import ClaimSet, Freshness, Reset, SetFreshness, SourceState, View
from globaldns.sources.awaited import UNNAMED, AwaitedSource, await_access
from globaldns.sources.secrets import Refused
from globaldns.sources.source import Source
from tests.app.meshes import until
from tests.registry.mesh import export
from tests.sources.manifests import RULES

REMEMBERED = View(
    "east",
    (export("a.ns"),),
    freshness=Freshness("east", SourceState.SYNCED, 5, zones=("global",)),
    uid="u",
)


def awaited(remembered: View | None = None) -> AwaitedSource:
    return AwaitedSource(RULES, reason=UNNAMED, hint="make one", remembered=remembered)


def test_why_a_cluster_is_not_reached_is_told_with_the_remedy() -> None:
    assert await_access(RULES, None, None).freshness.reason == UNNAMED
    refused = Refused("Secret e", "east", "it is no YAML", "make it again")
    (told,) = await_access(RULES, refused, None).findings()
    assert (told.reason, told.hint) == ("Secret e is not used: it is no YAML", "make it again")


async def first_words(source: Source) -> list[object]:
    said: list[object] = []
    running = asyncio.create_task(source.run(lambda changes, _at: said.extend(changes)))
    await until(lambda: bool(said))
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return said


async def test_without_a_view_it_says_why_it_is_not_read() -> None:
    source = awaited()
    (said,) = await first_words(source)
    assert isinstance(said, SetFreshness)
    assert (said.freshness.state, said.freshness.reason) == (SourceState.WAITING, UNNAMED)
    assert not source.freshness.is_heard


async def test_what_was_last_known_stands_as_old_as_it_is() -> None:
    source = awaited(REMEMBERED)
    (said,) = await first_words(source)
    assert isinstance(said, Reset)
    assert said.view == source.view()
    assert said.view.exports == REMEMBERED.exports
    assert said.view.uid == "u", "another cluster under its name is still known for another"
    freshness = source.freshness
    assert (freshness.state, freshness.contact, freshness.reason) == (
        SourceState.REMEMBERED,
        5,
        UNNAMED,
    )
    assert not freshness.is_heard


@pytest.mark.parametrize("remembered", [None, REMEMBERED])
def test_it_finds_nothing_but_that_it_is_not_read(remembered: View | None) -> None:
    source = awaited(remembered)
    of_mesh = Finding(Severity.WARNING, "x", "y")
    assert [(one.code, one.hint) for one in source.findings([of_mesh])] == [
        ("unreadable", "make one"),
        ("x", ""),
    ]
    assert [*source.refused()] == []
    assert not source.rejected()
    assert source.kept() == ClaimSet()
    assert source.set_foreign_gateways(frozenset({"10.0.0.1"})) == []
    assert not source.lead(Access()), "another source is to be made for it"


def test_its_namespaces_are_those_of_what_it_exported() -> None:
    assert awaited().namespaces() == frozenset()
    assert awaited(REMEMBERED).namespaces() == {"ns"}


def test_its_services_are_not_known() -> None:
    assert awaited(REMEMBERED).services() is None
    assert awaited(REMEMBERED).ambient_namespaces() == frozenset()
    assert awaited(REMEMBERED).leaving_namespaces() == frozenset()
