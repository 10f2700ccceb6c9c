"""What has to be known beside a text that tells a resolver of us."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.app.stubbing import Looked
from globaldns.cli.notes import notes_of, notes_on
from globaldns.cli.places import format_advice, report_advice
from globaldns.cli.snippets import FORMATS
from globaldns.coredns.authority import Authority, authority_of
from globaldns.coredns.platforms import Detection, Facts, ManagedElsewhere, Platform
from globaldns.stubs.record import Record
from globaldns.stubs.shapes import Wish, plan_install
from tests.coredns.collection import COREFILES, STUB, stub
from tests.coredns.targets import COREFILE, OPENSHIFT, RKE2, STUB_DOMAINS
from tests.stubs.platforms import KUBE_DNS, KUBEADM, RKE2_WITH_VALUES
from tests.stubs.platforms import OPENSHIFT as OPENSHIFT_OBJECTS

BARE = msgspec.structs.replace(STUB, cache_seconds=0, force_tcp=True)
BOTH = "stub.force_tcp, stub.cache: 0s"
UNSAID = {
    "corefile": "",
    "stub-domains": BOTH,
    "openshift": "stub.cache: 0s",
    "dnsmasq": BOTH,
    "unbound": "",
    "resolved": BOTH,
    "resolved-anchors": "",
}


@pytest.mark.parametrize("shape", FORMATS)
def test_a_key_that_is_left_out_is_said_in_one_line(shape):
    notes = [one for one in notes_on(shape, BARE, "") if "no word for" in one]
    expected = UNSAID[shape]
    assert notes == ([f"{shape} has no word for {expected}: left out"] if expected else [])
    assert not [one for one in notes_on(shape, STUB, "") if "no word for" in one]


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        (Platform.CCE, BOTH),
        (Platform.GKE_AUTOPILOT, BOTH),
        (Platform.GKE_CLOUD_DNS, BOTH),
        (Platform.ACK, "stub.cache: 0s"),
        (Platform.AKS_LOCAL_DNS, ""),
        (Platform.EKS_ADDON, ""),
    ],
)
def test_what_a_vendor_is_told_says_what_it_leaves_out(platform, said):
    facts = Facts(corefiles={"kube-system/coredns": COREFILES["kubeadm"]})
    seen = Looked(facts, (), (), Record(), ())
    detection = Detection(platform, (), ManagedElsewhere("them"))
    printed = format_advice(report_advice(seen, detection, BARE))
    line = f"# note: {platform} has no word for {said}: left out\n"
    assert (line in printed) is bool(said)
    assert ("no word for" in printed) is bool(said)


def test_who_validates_is_told_of_the_anchors():
    (note,) = notes_on("resolved", STUB, "")
    assert "render --as resolved-anchors" in note
    assert "/etc/dnssec-trust-anchors.d/globaldns.negative" in note


def test_a_change_says_what_is_left_out_and_none_says_nothing():
    for place, document in ((STUB_DOMAINS, KUBE_DNS[0]), (OPENSHIFT, OPENSHIFT_OBJECTS[0])):
        change = plan_install(place, document, Wish(BARE))
        assert [one.partition(" ")[0] for one in notes_of(change, BARE, Authority())] == [
            place.shape
        ]
        options = msgspec.structs.replace(Wish(BARE).options, known=change.known)
        again = plan_install(place, change.after, Wish(BARE, options))
        assert not again.is_needed
        assert notes_of(again, BARE, Authority()) == ()


def test_that_all_servers_of_a_chart_are_copied_is_said_once():
    wish = Wish(STUB, base=COREFILES["rke2"])
    first = plan_install(RKE2, RKE2_WITH_VALUES[-1], wish)
    (note,) = notes_of(first, STUB, Authority())
    assert "does not come until ours are removed" in note
    moved = plan_install(RKE2, first.after, Wish(stub(server="10.96.0.7"), base=wish.base))
    assert moved.is_needed
    assert notes_of(moved, STUB, Authority()) == ()
    values = {"valuesContent": "servers:\n- zones: [{zone: a}]\n"}
    beside = plan_install(RKE2, {**RKE2_WITH_VALUES[-1], "spec": values}, wish)
    assert beside.is_needed
    assert notes_of(beside, STUB, Authority()) == ()


def test_a_zone_of_the_clusters_dns_that_cannot_be_seen_is_said_of_each_change():
    text = COREFILES["kubeadm"].replace("cluster.local", "{$DOMAIN}")
    authority = authority_of(Facts(corefiles={"kube-system/coredns": text}))
    first = plan_install(COREFILE, KUBEADM[0], Wish(STUB, authority=authority))
    (note,) = notes_of(first, STUB, authority)
    assert note.startswith("the cluster's DNS answers {$DOMAIN} itself")
    options = msgspec.structs.replace(Wish(STUB).options, known=first.known)
    again = plan_install(COREFILE, first.after, Wish(STUB, options, authority=authority))
    assert notes_of(again, STUB, authority) == ()
