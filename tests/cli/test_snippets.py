"""What a cluster's DNS, or another resolver, is to be told, as text."""

from __future__ import annotations

import pytest

from globaldns.app.stubbing import Looked
from globaldns.cli.snippets import FORMATS, render
from globaldns.coredns.platforms import Facts, Workload, detect
from globaldns.coredns.stub import Server, Stub, StubZone
from globaldns.stubs.record import Record
from tests.coredns.collection import COREFILES, IMPORTING

STUB = Stub(zones=(StubZone("global"),), servers=(Server("10.0.0.53"), Server("fd00::35", 5353)))
BLOCK = """\
global:53 {
    errors
    cache 30
    forward . 10.0.0.53 [fd00::35]:5353
}
"""


def looked(corefile: str, name: str = "coredns", **facts) -> Looked:
    load = Workload(
        kind="Deployment", namespace="kube-system", name=name, config_maps={"/etc/coredns": name}
    )
    seen = Facts(workloads=(load,), corefiles={f"kube-system/{name}": corefile}, **facts)
    return Looked(seen, detect(seen), (), Record(), ())


def rendered(seen: Looked) -> tuple[str, str]:
    (detection,) = seen.detections
    head, _, rest = render(seen, detection, STUB).partition("\n")
    return head, rest


def test_a_corefile_gets_a_block():
    head, block = rendered(looked(COREFILES["kubeadm"]))
    assert head == "# coredns: configmaps kube-system/coredns Corefile"
    assert block == BLOCK


def test_a_key_is_a_file_with_marks():
    head, text = rendered(looked(IMPORTING["k3s"]))
    assert head == "# coredns-custom: configmaps kube-system/coredns-custom globaldns.server"
    assert text == f"# BEGIN globaldns\n{BLOCK}# END globaldns\n"


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (looked("", "kube-dns"), '"global": ["10.0.0.53", "[fd00::35]:5353"]'),
        (
            looked("", objects=frozenset({"dnses.operator.openshift.io/default"})),
            "name: globaldns",
        ),
        (
            looked(COREFILES["rke2"], "rke2-coredns-x", api_groups=frozenset({"helm.cattle.io"})),
            '- zone: "global."',
        ),
        (
            looked(COREFILES["eks"], managers={"kube-system/coredns": frozenset({"eks"})}),
            "aws eks update-addon",
        ),
    ],
)
def test_every_shape_has_its_text(seen, words):
    assert words in rendered(seen)[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("corefile", "forward . 10.0.0.53 [fd00::35]:5353"),
        ("stub-domains", '"global": ["10.0.0.53", "[fd00::35]:5353"]'),
        ("openshift", "spec:\n  servers:\n  - name: globaldns"),
        ("dnsmasq", "server=/global/fd00::35#5353"),
        ("unbound", "stub-addr: fd00::35@5353"),
        ("resolved", "DNS=10.0.0.53:53 [fd00::35]:5353\nDomains=~global"),
    ],
)
def test_some_need_no_cluster(name, words):
    assert words in FORMATS[name](STUB)
