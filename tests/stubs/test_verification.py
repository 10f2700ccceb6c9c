"""What an answer says of the way that it came."""

from __future__ import annotations

import pytest

from globaldns.coredns.stub import Foreign, StubZone
from globaldns.stubs.verification import (
    DIRECT,
    Outcome,
    QueryPath,
    Question,
    Reply,
    judge,
    questions,
)
from tests.coredns.collection import stub

ASKED = Question("_globaldns.global", "east")
WAY = QueryPath("cluster-dns", "10.96.0.10")
NODE = QueryPath("node-local", "169.254.20.10")
OWN = QueryPath(DIRECT, "10.96.0.53")
OUR_SOA = "ns.global. hostmaster.global. 1 7200 3600 1209600 10"
ROOT_SOA = "a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400"


def test_every_zone_or_every_namespace_of_it_is_asked_for() -> None:
    assert questions(stub("global", "mesh.example"), "east") == (
        ASKED,
        Question("_globaldns.mesh.example", "east"),
    )
    chosen = StubZone("global", Foreign.FALLTHROUGH, ("shop", "cart"))
    names = [one.name for one in questions(stub(chosen, "mesh.example"), "east")]
    assert names == [
        *("_globaldns.shop.global", "_globaldns.cart.global"),
        "_globaldns.mesh.example",
    ]


@pytest.mark.parametrize(
    ("path", "soa", "outcome"),
    [
        (OWN, OUR_SOA, Outcome.OTHER_NAMESPACES),
        (OWN, OUR_SOA.replace("ns.", "dns."), Outcome.OTHER_NAMESPACES),
        (WAY, OUR_SOA, Outcome.FOREIGN),
        (OWN, OUR_SOA.replace("ns.", "a.nic."), Outcome.FOREIGN),
        (OWN, ROOT_SOA, Outcome.FOREIGN),
        (OWN, "", Outcome.FOREIGN),
    ],
)
@pytest.mark.parametrize("rcode", ["NXDOMAIN", "NOERROR"])
def test_a_denial_of_ours_means_that_the_namespace_is_not_chosen_there(
    rcode: str, path: QueryPath, soa: str, outcome: Outcome
) -> None:
    (only,) = questions(stub("global", namespaces=("shop",)), "east")
    verdict = judge(only, path, Reply(rcode, soa=soa))
    assert verdict.outcome is outcome
    is_known = "not configured with this namespace" in verdict.reason
    assert (
        is_known is ("stub install, if zones" in verdict.hint) is (outcome is not Outcome.FOREIGN)
    )


def test_a_whole_zone_of_ours_always_says_who_answers() -> None:
    assert judge(ASKED, OWN, Reply("NXDOMAIN", soa=OUR_SOA)).outcome is Outcome.FOREIGN


@pytest.mark.parametrize("path", [WAY, NODE, OWN])
def test_an_instance_of_our_cluster_is_right(path: QueryPath) -> None:
    verdict = judge(ASKED, path, Reply("NOERROR", ("east/pod-1",)))
    assert (verdict.outcome, verdict.instance, verdict.hint) == (Outcome.OK, "east/pod-1", "")
    assert verdict.is_ok


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "NOERROR"])
def test_a_denial_is_no_answer_of_ours_whoever_s_it_is(rcode: str) -> None:
    (only,) = questions(stub("global", namespaces=("shop",)), "east")
    assert judge(only, WAY, Reply(rcode, soa=OUR_SOA)).outcome is Outcome.FOREIGN
    other = judge(only, WAY, Reply("NOERROR", ("west/pod",)))
    assert (other.outcome, other.instance) == (Outcome.OTHER_CLUSTER, "")


@pytest.mark.parametrize(
    ("path", "reply", "outcome", "reason", "hint"),
    [
        (WAY, None, Outcome.SILENT, "timed out", "a pod, or a node"),
        (OWN, None, Outcome.SILENT, "timed out", "NetworkPolicy"),
        (WAY, Reply("SERVFAIL"), Outcome.FAILED, "SERVFAIL", "does the path globaldns answer"),
        (OWN, Reply("SERVFAIL"), Outcome.FAILED, "SERVFAIL", "/readyz"),
        (WAY, Reply("REFUSED"), Outcome.REFUSED, "REFUSED", "2 minutes"),
        (OWN, Reply("REFUSED"), Outcome.REFUSED, "REFUSED", "not configured"),
        (WAY, Reply("NXDOMAIN", soa=ROOT_SOA), Outcome.FOREIGN, "a.root-servers.net", "reload"),
        (OWN, Reply("NXDOMAIN"), Outcome.FOREIGN, "NXDOMAIN", "another server"),
        (NODE, Reply("NXDOMAIN"), Outcome.FOREIGN, "NXDOMAIN", "nodes' cache"),
        (WAY, Reply("NOERROR", ("west/a",)), Outcome.OTHER_CLUSTER, "west/a", "Service"),
        (WAY, Reply("NOERROR", ("east",)), Outcome.OTHER_CLUSTER, "answered by east", "Service"),
    ],
)
def test_what_is_wrong_has_its_reason_and_its_remedy(
    path: QueryPath, reply: Reply | None, outcome: Outcome, reason: str, hint: str
) -> None:
    verdict = judge(ASKED, path, reply, "timed out")
    assert verdict.outcome is outcome
    assert reason in verdict.reason
    assert hint in verdict.hint
    assert not verdict.is_ok
    assert verdict.instance == ""
