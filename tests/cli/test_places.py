"""Where a cluster's DNS is told of us, in words."""

from __future__ import annotations

from globaldns.cli.places import (
    format_advice,
    format_detections,
    report_advice,
    report_change,
    report_detections,
    show_change,
)
from globaldns.stubs.shapes import Change, Wish, install
from tests.cli.test_snippets import STUB, looked
from tests.coredns.collection import COREFILES
from tests.coredns.targets import COREFILE
from tests.stubs.platforms import KUBEADM

EKS = looked(COREFILES["eks"], managers={"kube-system/coredns": frozenset({"eks"})})
AFTER = install(COREFILE, KUBEADM[0], Wish(STUB))
NAME = "configmaps kube-system/coredns Corefile"


def test_a_detection_has_a_line_for_each_fact_that_decided():
    lines = format_detections(looked(COREFILES["kubeadm"]).detections).splitlines()
    assert lines[0].split() == ["PLATFORM", "TOLD", "IN", "BECAUSE"]
    assert lines[1].startswith(f"coredns    {NAME}   Deployment kube-system/coredns")
    assert lines[2].split()[:2] == ["it", "mounts"]


def test_one_that_somebody_else_has_names_them():
    assert "eks-addon   (by the EKS add-on)" in format_detections(EKS.detections)
    (report,) = report_detections(EKS.detections)
    assert (report.place, report.owner) == ("", "the EKS add-on")


def test_a_change_is_shown_as_kubectl_shows_it(capsys):
    show_change(Change(COREFILE, KUBEADM[0], AFTER))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"--- {NAME}", f"+++ {NAME}"]
    assert "+    forward . 10.0.0.53 [fd00::35]:5353" in lines
    assert not any(line.startswith("-") for line in lines[2:])


def test_a_change_says_what_became_of_the_place_and_of_the_rest():
    changed = report_change(Change(COREFILE, KUBEADM[0], AFTER))
    assert (changed.state, changed.is_changed) == ("changed", True)
    assert changed.proof == "+7 -0 lines; all else is byte for byte as it was"
    same = report_change(Change(COREFILE, AFTER, AFTER))
    assert (same.state, same.diff, same.proof) == ("unchanged", "", "")
    assert report_change(Change(COREFILE, None, AFTER)).state == "created"
    gone = report_change(Change(COREFILE, AFTER, None))
    assert gone.state == "deleted"
    assert gone.diff.splitlines()[1] == "+++ /dev/null"


def test_advice_is_a_snippet_below_comments():
    (detection,) = EKS.detections
    text = format_advice(report_advice(EKS, detection, STUB))
    comments, _, rest = text.partition("\n{")
    assert all(line.startswith("# ") for line in comments.splitlines())
    assert "# eks-addon: the EKS add-on has the configuration" in comments
    assert "https://docs.aws.amazon.com" in comments
    assert "10.0.0.53" in rest
