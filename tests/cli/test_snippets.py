"""What a cluster's DNS, or another resolver, is to be told, as text."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.app.stubbing import Looked
from globaldns.cli.snippets import format_part, render, render_as
from globaldns.coredns.platforms import Facts, Workload, detect
from globaldns.coredns.stub import Foreign, Server, Stub, StubZone
from globaldns.errors import StubError
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
    head, _, rest = format_part(render(seen, detection, STUB)).partition("\n")
    return head, rest


def test_a_corefile_gets_a_block():
    head, block = rendered(looked(COREFILES["kubeadm"]))
    assert head == "# coredns: configmaps kube-system/coredns Corefile"
    assert block == BLOCK


def test_a_key_is_a_file_with_marks():
    head, text = rendered(looked(IMPORTING["k3s"]))
    assert head == "# coredns-custom: configmaps kube-system/coredns-custom globaldns.server"
    assert text == f"# BEGIN globaldns\n{BLOCK}# END globaldns\n"


def test_a_key_has_its_text_also_where_the_corefile_says_it_already():
    _, text = rendered(looked(IMPORTING["k3s"] + BLOCK))
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
        ("resolved-anchors", "global\n"),
    ],
)
def test_some_need_no_cluster(name, words):
    assert words in render_as(name, STUB).text


@pytest.mark.parametrize("name", ["kubeadm", "eks"])
def test_a_zone_of_the_clusters_dns_that_cannot_be_seen_is_said_beside_a_text(name):
    text = COREFILES[name].replace("kubernetes cluster.local", "kubernetes {$DOMAIN}")
    seen = looked(text, managers={"kube-system/coredns": frozenset({name})})
    (note,) = render(seen, seen.detections[0], STUB).notes
    assert "answers {$DOMAIN} itself" in note


def test_what_is_never_to_be_told_has_no_text():
    (detection,) = (seen := looked(COREFILES["kubeadm"])).detections
    taking = msgspec.structs.replace(STUB, zones=(StubZone("cluster.local"),))
    with pytest.raises(StubError, match="a stub for cluster"):
        render(seen, detection, taking)
    elsewhere = looked(COREFILES["eks"], managers={"kube-system/coredns": frozenset({"eks"})})
    with pytest.raises(StubError, match="a stub for cluster"):
        render(elsewhere, elsewhere.detections[0], taking)


FALLING = msgspec.structs.replace(STUB, zones=(StubZone("global", Foreign.FALLTHROUGH),))


def test_a_coredns_that_is_not_seen_asks_the_nodes_resolver_for_names_of_others():
    told = render_as("corefile", FALLING)
    assert told.text == (
        "global:53 {\n    errors\n    cache 30\n"
        "    forward . 10.0.0.53 [fd00::35]:5353 {\n        next NXDOMAIN\n    }\n"
        "    forward . /etc/resolv.conf\n}\n"
    )
    (note,) = told.notes
    assert "CoreDNS 1.11.4" in note
    assert "what the root zone's block forwards with" in note
    assert render_as("corefile", STUB).notes == ()


@pytest.mark.parametrize("name", ["stub-domains", "openshift", "dnsmasq", "unbound", "resolved"])
def test_who_cannot_ask_others_is_not_told_to(name):
    with pytest.raises(StubError, match="asks the servers of a zone for all"):
        render_as(name, FALLING)
