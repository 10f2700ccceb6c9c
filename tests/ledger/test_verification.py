import pytest

from globaldns.ledger.verification import contradictions
from globaldns.model.claim import parse_claims

RETIRED = "2026-02-01T00:00:00Z withdrawn"


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -"], []),
        (
            [
                "a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -",
                "a.x 240.128.0.2 2026-01-02T03:04:05Z east given - -",
            ],
            ["host-numbered-twice"],
        ),
        (
            [
                "a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -",
                "a.x 240.128.0.2 2026-01-02T03:04:05Z west given - -",
                "a.x fd67::1 2026-01-02T03:04:05Z east given - -",
                "a.x 240.128.0.3 2026-01-02T03:04:05Z east pinned - -",
                f"a.x 240.128.0.4 2026-01-02T03:04:05Z east given {RETIRED}",
            ],
            [],
        ),
        (
            [
                "a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -",
                "b.x 240.128.0.1 2026-01-02T03:04:05Z east given - -",
            ],
            ["vip-given-twice"],
        ),
        (
            [
                "a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -",
                "b.x 240.128.0.1 2026-01-02T03:04:05Z west given - -",
                f"c.x 240.128.0.1 2026-01-02T03:04:05Z east given {RETIRED}",
            ],
            [],
        ),
        (["a.x 240.128.0.1 2026-03-02T03:04:05Z east given " + RETIRED], ["claim-dates"]),
    ],
)
def test_only_what_cannot_be_true_is_found(lines, codes):
    findings = contradictions(parse_claims("\n".join(lines)), "ledger.db")
    assert [finding.code for finding in findings] == codes


def test_a_finding_names_host_cluster_and_addresses():
    claims = parse_claims(
        "a.x 240.128.0.2 2026-01-02T03:04:05Z east given - -\n"
        "a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -\n"
    )
    (finding,) = contradictions(claims, "ledger.db")
    assert str(finding) == (
        "ledger.db: error: claim a.x: cluster east gives it 240.128.0.1, 240.128.0.2"
        " (fix: globaldns vip renumber gives it one again) [host-numbered-twice]"
    )
