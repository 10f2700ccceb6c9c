"""What a place says of our zones, whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.coredns.inspection import DUPLICATE, PORT, inspect
from globaldns.coredns.targets import Shape, Target, install
from tests.coredns.collection import COREFILES, IMPORTING, STUB, stub
from tests.coredns.targets import BASES, COREFILE, CUSTOM, OPENSHIFT, RKE2, STUB_DOMAINS

KUBEADM = COREFILES["kubeadm"]
LINES = KUBEADM.count("\n")


def obj(**parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": "any"}, **parts}


def corefile(text: str) -> dict[str, Any]:
    return obj(data={"Corefile": text})


WHOLE = {
    COREFILE: corefile(KUBEADM),
    CUSTOM: obj(data={"log.override": "log\n"}),
    STUB_DOMAINS: obj(data={"stubDomains": '{"a": ["1.1.1.1"]}'}),
    OPENSHIFT: obj(spec={}),
    RKE2: obj(spec={"valuesContent": ""}),
}


@pytest.mark.parametrize("target", WHOLE, ids=lambda target: target.shape)
def test_in_each_shape_it_is_seen_where_it_leads(target: Target) -> None:
    base, two = BASES.get(target, ""), stub("global", "b", server="10.96.0.99 fd00::53")
    assert inspect(target, WHOLE[target], two, base).servers is None
    told = install(target, WHOLE[target], two, cluster="east", base=base)
    said = inspect(target, told, two, base)
    assert (said.servers, said.fault) == (("10.96.0.99", "fd00::53"), None)


@pytest.mark.parametrize("target", WHOLE, ids=lambda target: target.shape)
def test_what_leads_only_some_zones_to_us_is_seen(target: Target) -> None:
    base, two = BASES.get(target, ""), stub("global", "b")
    told = install(target, WHOLE[target], STUB, cluster="east", base=base)
    assert inspect(target, told, two, base).servers is None
    assert inspect(target, told, stub("b", "global"), base).servers is None


def test_zones_that_lead_to_different_servers_lead_to_all_of_them() -> None:
    said = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.1"}
    text = "".join(f"{zone} {{\n forward . {server}\n}}\n" for zone, server in said.items())
    found = inspect(COREFILE, corefile(KUBEADM + text), stub("a", "b", "c"))
    assert found.servers == ("10.0.0.1", "10.0.0.2")


def test_a_fault_of_any_zone_is_seen() -> None:
    fault = inspect(COREFILE, corefile(f"{KUBEADM}a {{\n}}\nb:5353 {{\n}}\n"), stub("a", "b")).fault
    assert fault is not None
    assert (fault.code, fault.line) == (PORT, LINES + 3)


def test_every_shape_is_looked_at() -> None:
    assert {target.shape for target in WHOLE} == set(Shape)


@pytest.mark.parametrize("target", [STUB_DOMAINS, RKE2, CUSTOM], ids=lambda one: one.shape)
def test_of_what_is_not_there_nothing_is_said(target: Target) -> None:
    assert inspect(target, None, STUB, BASES.get(target, "")).servers is None


@pytest.mark.parametrize(
    ("block", "servers"),
    [
        (
            "global {\n forward . dns://10.0.0.1:53 10.0.0.2:1053 [fd00::1]:53 fd00::2\n}\n",
            ("10.0.0.1", "10.0.0.2:1053", "fd00::1", "fd00::2"),
        ),
        ("a global:53 {\n forward . 10.0.0.1 {\n  force_tcp\n }\n}\n", ("10.0.0.1",)),
        ("global:53 {\n whoami\n}\n", ()),
    ],
)
def test_servers_are_written_alike(block: str, servers: tuple[str, ...]) -> None:
    assert inspect(COREFILE, corefile(KUBEADM + block), STUB).servers == servers


BLOCK = "global:53 {\n forward . 10.96.0.99\n}\n"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (f"{KUBEADM}{BLOCK}{BLOCK}", DUPLICATE, LINES + 4),
        (f"{KUBEADM}corp {{\n}}\n{BLOCK}a corp:53 {{\n}}\n", DUPLICATE, LINES + 6),
        (f"{KUBEADM}global:5353 {{\n}}\n", PORT, LINES + 1),
        (f"{KUBEADM}{BLOCK}a {{\n", "syntax", LINES + 5),
    ],
)
def test_what_a_server_cannot_read_is_a_fault_with_its_line(
    text: str, code: str, line: int
) -> None:
    fault = inspect(COREFILE, corefile(text), STUB).fault
    assert fault is not None
    assert (fault.code, fault.line) == (code, line)


TWO_PORTS = ".:1053 {\n forward . 1.1.1.1\n}\n.:2053 {\n forward . 1.1.1.1\n}\n"


@pytest.mark.parametrize("base", ["", TWO_PORTS, "cluster.local:53 {\n kubernetes\n}\n"])
@pytest.mark.parametrize("port", ["53", "1053"])
def test_where_the_root_zone_is_at_no_one_port_ours_may_be_at_any(base: str, port: str) -> None:
    block = BLOCK.replace(":53", f":{port}")
    said = inspect(COREFILE, corefile(base + block), STUB)
    assert (said.servers, said.fault) == (("10.96.0.99",), None)
    said = inspect(CUSTOM, obj(data={"a.server": block}), STUB, f"import *.server\n{TWO_PORTS}")
    assert (said.servers, said.fault) == (("10.96.0.99",), None)
    said = inspect(COREFILE, corefile(TWO_PORTS), STUB)
    assert (said.servers, said.fault) == (None, None)
    fault = inspect(COREFILE, corefile(TWO_PORTS + block + block), STUB).fault
    assert fault is not None
    assert fault.code == DUPLICATE


def test_keys_that_are_imported_are_one_text_with_the_corefile() -> None:
    base = IMPORTING["aks"]
    for data, name in (
        ({"a.server": BLOCK, "b.server": f"# two\n{BLOCK}"}, "b.server: line 2"),
        ({"a.server": "x {\n"}, "a.server: line 2"),
    ):
        fault = inspect(CUSTOM, obj(data=data), STUB, base).fault
        assert fault is not None
        assert name in str(fault)
    for data in ({"a.server": BLOCK}, {"b.override": BLOCK, "a.server": BLOCK}):
        assert inspect(CUSTOM, obj(data=data), STUB, base).servers == ("10.96.0.99",)
        assert inspect(CUSTOM, obj(data=data), STUB, base).fault is None


def test_one_zone_at_two_addresses_is_none_too_many() -> None:
    text = ".:53 {\n bind 10.0.0.1\n}\n.:53 {\n bind 10.0.0.2\n}\n"
    assert inspect(COREFILE, corefile(text), STUB).fault is None
    text = text.replace("10.0.0.2", "10.0.0.1 10.0.0.2")
    fault = inspect(COREFILE, corefile(text), STUB).fault
    assert fault is not None
    assert fault.code == DUPLICATE


def test_blocks_that_share_a_zone_by_views_are_none_too_many() -> None:
    views = "".join(f"global {{\n view {name} {{\n  expr true\n }}\n}}\n" for name in "ab")
    assert inspect(COREFILE, corefile(KUBEADM + views), STUB).fault is None
    assert inspect(COREFILE, corefile(KUBEADM + views + BLOCK), STUB).fault is None


def test_a_zone_that_two_servers_have_in_values_is_a_fault() -> None:
    server = "- zones: [{zone: global}]\n  port: 53\n"
    fault = inspect(RKE2, obj(spec={"valuesContent": f"servers:\n{server}{server}"}), STUB).fault
    assert fault is not None
    assert (fault.code, fault.line) == (DUPLICATE, 4)
    elsewhere = server.replace("53", "5353") + server.replace("53", "'{{ .Values.port }}'")
    values = obj(spec={"valuesContent": f"servers:\n{server}{elsewhere}"})
    assert inspect(RKE2, values, STUB).fault is None


def test_other_shapes_have_faults_too() -> None:
    for target, whole in (
        (STUB_DOMAINS, obj(data={"stubDomains": "{"})),
        (RKE2, obj(spec={"valuesContent": "a: [\n"})),
    ):
        fault = inspect(target, whole, STUB, BASES.get(target, "")).fault
        assert fault is not None
        assert fault.code == "syntax"
