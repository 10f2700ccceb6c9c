"""Which Services are exports, and what they say."""

from __future__ import annotations

import pytest

from globaldns.config.schema import Allow, ExportSettings
from globaldns.model.address import parse_address
from globaldns.model.export import ExportKind, Port, Transport
from tests.exports.builders import (
    EXPORTED,
    cluster,
    exported,
    findings,
    namespace,
    service,
    service_export,
)

LABELLED = namespace("bookinfo", labels={"globaldns.io/export": "true"})


def annotated(word: str) -> dict[str, dict[str, str]]:
    return {"annotations": {"globaldns.io/export": word}}


@pytest.mark.parametrize(
    ("objects", "is_exported"),
    [
        ([service()], False),
        ([service(**annotated("true"))], True),
        ([service(**annotated("false"))], False),
        ([service(), service_export()], True),
        ([service(), service_export("other")], False),
        ([service(), service_export(namespace="other")], False),
        ([service(), service_export(labels={"globaldns.io/owned-by": "west"})], False),
        ([service(), LABELLED], True),
        ([service(), namespace("bookinfo", labels={"globaldns.io/export": "false"})], False),
        ([service(**annotated("false")), LABELLED, service_export()], False),
        ([service(labels={"globaldns.io/owned-by": "west"}), LABELLED], False),
    ],
)
def test_a_service_is_exported_by_annotation_service_export_or_namespace(objects, is_exported):
    for order in (objects, objects[::-1]):
        assert ("reviews.bookinfo" in exported(*order)) is is_exported


def test_the_configuration_names_the_annotation_and_may_ignore_service_exports():
    settings = ExportSettings(annotation="example.com/share", service_exports=False)
    shared = service("a", annotations={"example.com/share": "true"})
    found = exported(shared, service(**EXPORTED), service_export(), exports=settings)
    assert set(found) == {"a.bookinfo"}


def test_a_service_is_an_export_in_all_zones_with_all_that_it_says():
    ports = [
        {"port": 80, "name": "http-web"},
        {"port": 53, "name": "dns", "protocol": "UDP"},
        {"port": 132, "name": "sig", "protocol": "SCTP"},
    ]
    made = service(
        spec={"ports": ports},
        created=5,
        annotations={"globaldns.io/export": "true", "globaldns.io/vip": "240.0.0.9"},
    )
    export = exported(made)["reviews.bookinfo"]
    assert (export.kind, export.zones, export.created_at) == (ExportKind.SERVICE, (), 1767225605)
    assert export.pins == (parse_address("240.0.0.9"),)
    assert export.origin.file == "reviews.yaml"
    assert export.ports == (
        Port(80, "http-web", "HTTP", Transport.TCP),
        Port(53, "dns", "UDP", Transport.UDP),
        Port(132, "sig", "SCTP", Transport.SCTP),
    )
    assert findings(made) == [
        ("not-routed", "$.spec.ports[1].protocol"),
        ("not-routed", "$.spec.ports[2].protocol"),
    ]


def test_a_port_without_a_name_is_called_by_its_number():
    export = exported(service(spec={"ports": [{"port": 80}]}, **EXPORTED))["reviews.bookinfo"]
    assert export.ports == (Port(80, "port-80", "", Transport.TCP),)


@pytest.mark.parametrize("ports", [[], [{"port": 80}]])
def test_a_headless_service_is_an_export_like_any_other(ports):
    headless = service(spec={"clusterIP": "None", "ports": ports}, **EXPORTED)
    assert set(exported(headless)) == {"reviews.bookinfo"}


@pytest.mark.parametrize(
    ("made", "settings", "code", "path"),
    [
        (service(spec={"type": "ExternalName"}, **EXPORTED), {}, "external-name", "$.spec.type"),
        (
            service(**EXPORTED),
            {"allow": Allow(namespaces=("shop",))},
            "namespace-not-allowed",
            "$.metadata.namespace",
        ),
        (service(spec={"ports": [{"port": 0}]}), {}, "port-range", "$.spec.ports[0].port"),
        (
            service(spec={"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]}),
            {},
            "duplicate-port",
            "$.spec.ports[1].name",
        ),
        (
            service(annotations={"globaldns.io/vip": "x"}),
            {},
            "pin-address",
            '$.metadata.annotations["globaldns.io/vip"]',
        ),
        (
            service(spec={"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]}),
            {"records_per_name": 1},
            "too-many-records",
            "$.spec.ports",
        ),
    ],
)
def test_what_cannot_be_exported_is_an_error_where_it_stands(made, settings, code, path):
    exports = cluster([made], **settings)
    assert exports.view().exports == ()
    assert [(one.code, one.path, one.severity) for one in exports.findings()] == [
        (code, path, "error")
    ]


def test_an_external_name_that_nobody_exports_is_nobodys_business():
    assert findings(service(spec={"type": "ExternalName"})) == []


@pytest.mark.parametrize("word", ["yes", "True", ""])
def test_an_annotation_that_says_neither_yes_nor_no_is_a_warning(word):
    assert findings(service(**annotated(word))) == [
        ("export-annotation", '$.metadata.annotations["globaldns.io/export"]')
    ]


def test_a_service_export_without_service_is_a_warning_until_there_is_one():
    exports = cluster([service_export()])
    (finding,) = exports.findings()
    assert (finding.code, finding.object, finding.file) == (
        "no-service",
        "ServiceExport bookinfo/reviews",
        "reviews.yaml",
    )
    exports.put(service())
    assert exports.findings() == []


def test_a_namespaces_label_exports_and_takes_back_all_its_services():
    exports = cluster([service("a"), service("b"), service("c", namespace="shop")])
    assert exports.changes() == []
    exports.put(LABELLED)
    assert [change.export.host for change in exports.changes()] == ["a.bookinfo", "b.bookinfo"]
    exports.put(namespace("bookinfo"))
    assert [change.host for change in exports.changes()] == ["a.bookinfo", "b.bookinfo"]
