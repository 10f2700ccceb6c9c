"""What holds of the documents of every service, from wherever it is seen."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from globaldns.config.routing import Sni
from globaldns.documents import format_documents, read_documents
from globaldns.exports.entry_ports import read_ports
from globaldns.exports.validation import refusals, warnings
from globaldns.istio.notices import Code
from globaldns.istio.routes import Route, Site
from globaldns.model.export import Endpoint, ExportKind, Location, Port, Resolution
from globaldns.model.lost import Standing
from globaldns.model.service import Service
from globaldns.objects.istio import ServiceEntry
from globaldns.routing.horizon import split
from tests.istio.sites import TCP, UDP, route, site
from tests.routing.meshes import HTTP, endpoint, export, service

PORTS = (HTTP, TCP, UDP, Port(80, "web", "HTTP2"), Port(9090, "metrics"))
CLUSTERS = ("c1a", "c1b", "c2a", "c2b", "c3", "c4", "c5")
NETWORKS = ("", "n1", "n2", "n3", "n4", "n5")


@st.composite
def endpoints(draw: st.DrawFn) -> Endpoint:
    number = draw(st.integers(1, 40))
    return endpoint(
        draw(st.sampled_from((f"10.0.0.{number}", f"fd00::{number}", "db.example"))),
        draw(st.sampled_from(NETWORKS)),
        mutual=draw(st.booleans()),
        ready=draw(st.booleans()),
        weight=draw(st.sampled_from((0, 1, 5, 2**31))),
        ports=draw(st.sampled_from(((), (("http", 8080),), (("web", 8081), ("mysql", 3306))))),
    )


@st.composite
def services(draw: st.DrawFn) -> Service:
    clusters = draw(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=4, unique=True))
    location = draw(st.sampled_from(Location))
    exports = [
        export(
            cluster,
            *draw(st.lists(endpoints(), max_size=4)),
            kind=draw(st.sampled_from(ExportKind)),
            location=location,
            resolution=draw(st.sampled_from((Resolution.STATIC, Resolution.DNS))),
        )
        for cluster in clusters
    ]
    standings = {one: draw(st.sampled_from(Standing)) for one in clusters[:2]}
    found = service(*exports, standings=standings)
    return replace(found, ports=tuple(draw(st.lists(st.sampled_from(PORTS), unique=True))))


sites = st.builds(
    lambda networks, sni, namespaces: site(*networks, sni=sni, namespaces=namespaces),
    st.sampled_from((("n1",), ("n2",), ("",), ("n1", "n2"))),
    st.sampled_from(Sni),
    st.sampled_from(((), ("shop",))),
)


def text(found: Route) -> str:
    return format_documents(one for bundle in found.bundles for one in bundle.documents)


@given(web=services(), where=sites)
@settings(deadline=None)
def test_istio_refuses_no_entry_and_warns_of_none(web: Service, where: Site) -> None:
    for bundle in route(web, where).bundles:
        entry = msgspec.convert(bundle.documents[0], ServiceEntry)
        assert refusals(entry) == []
        assert warnings(entry, read_ports(entry.spec.ports)) == []


@given(web=services(), where=sites)
@settings(deadline=None)
def test_the_same_service_is_the_same_text_which_every_reader_reads_alike(
    web: Service, where: Site
) -> None:
    first, second = text(route(web, where)), text(route(web, where))
    assert first == second
    documents = [one for bundle in route(web, where).bundles for one in bundle.documents]
    assert read_documents(first) == documents


@given(web=services(), where=sites)
@settings(deadline=None)
def test_every_endpoint_that_a_viewer_sees_is_written_or_told(web: Service, where: Site) -> None:
    found = route(web, where)
    if found.skipped is not None:
        return
    horizon = split(web, where.viewer, where.topology)
    written = {one["address"] for one in found.bundles[0].documents[0]["spec"].get("endpoints", ())}
    missing = [target for target in horizon.targets if target.address not in written]
    told = Counter(notice.code for notice in found.notices)
    for target in missing:
        is_named = "example" in target.address
        assert told[Code.ADDRESS if is_named else Code.PLAINTEXT]
        assert is_named or not target.is_mutual
    assert written <= {target.address for target in horizon.targets}
    assert {gap.lack.value for gap in horizon.gaps} <= {code.value for code in told}


@given(web=services(), where=sites)
@settings(deadline=None)
def test_nothing_is_empty_and_nothing_is_silently_left_out(web: Service, where: Site) -> None:
    found = route(web, where)
    assert bool(found.bundles) is not bool(found.skipped)
    assert found.skipped is None or found.notices
    for bundle in found.bundles:
        for document in bundle.documents:
            assert "{}" not in format_documents([document])
            assert "[]" not in format_documents([document])
