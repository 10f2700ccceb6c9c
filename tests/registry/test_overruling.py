"""What GlobalServices say of lost clusters, and which of them decides."""

from __future__ import annotations

from globaldns.model.host import Host
from globaldns.model.lost import LostNames, LostPolicy
from globaldns.registry.findings import mesh_findings
from globaldns.registry.overruling import Overrules
from globaldns.registry.registry import Registry
from tests.registry.mesh import A, export, policy, reset, settings, settled

DROP, KEEP = LostPolicy(names=LostNames(expire=0)), LostPolicy(names=LostNames())


def test_the_older_of_two_global_services_for_a_host_decides_and_ties_go_to_the_smaller_cluster():
    found = Overrules()
    found.put("west", A, policy("a.ns", created_at=1, lost=DROP))
    found.put("east", A, policy("a.ns", created_at=2, lost=KEEP))
    assert [one.cluster for one in found.of_host(A)] == ["west", "east"]
    found.put("east", A, policy("a.ns", created_at=1, lost=KEEP))
    assert [one.cluster for one in found.of_host(A)] == ["east", "west"]
    assert found.policies == {KEEP}


def test_a_global_service_that_only_pins_says_nothing_of_lost_clusters():
    found = Overrules()
    found.put("west", A, policy("a.ns", "240.0.0.1"))
    assert (found.of_host(A), {*found.hosts}) == ((), set())


def test_what_is_said_no_more_is_forgotten():
    found = Overrules()
    found.put("west", A, policy("a.ns", lost=DROP))
    same = found.policies
    assert found.policies is same
    found.put("west", A, None)
    assert (found.of_host(A), found.policies) == ((), frozenset())
    found.put("west", A, policy("a.ns", lost=DROP))
    found.clear()
    assert ({*found.hosts}, found.policies) == (set(), frozenset())


def test_who_is_overruled_by_an_older_one_is_told():
    registry = settled(
        Registry(settings()),
        reset("east", export("a.ns"), policies=(policy("a.ns", created_at=1, lost=DROP),)),
        reset("west", policies=(policy("a.ns", created_at=2, lost=KEEP),)),
    )
    (conflict,) = registry.services[Host("a.ns")].conflicts
    assert (conflict.rule, conflict.winner_cluster) == ("lost-policy", "east")
    (finding,) = mesh_findings(registry)["west"]
    assert (finding.code, finding.path) == ("lost-policy", "$.spec.lost")


def test_a_fenced_clusters_word_does_not_count():
    registry = settled(
        Registry(settings(fenced=["west"])),
        reset("east", export("a.ns")),
        reset("west", policies=(policy("a.ns", lost=DROP),)),
    )
    assert registry.views.overrules.of_host(A) == ()
