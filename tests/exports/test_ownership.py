"""Who may export which name."""

from __future__ import annotations

import pytest

from globaldns.config.schema import Allow
from globaldns.exports.ownership import matches, refuse_host
from globaldns.model.host import Host
from tests.exports.builders import rules

ROWS = [
    ("reviews.bookinfo", "bookinfo", Allow(), None),
    ("reviews.bookinfo", "evil", Allow(), "foreign-namespace"),
    ("reviews.bookinfo", "evil", Allow(hosts=("reviews.bookinfo.global",)), "foreign-namespace"),
    ("reviews.bookinfo", "bookinfo", Allow(namespaces=("book*",)), None),
    ("reviews.bookinfo", "bookinfo", Allow(namespaces=("shop", "bank")), "namespace-not-allowed"),
    ("", "bookinfo", Allow(hosts=("*",)), "reserved-host"),
    ("ns", "bookinfo", Allow(hosts=("*",)), "reserved-host"),
    ("reviews.ns", "ns", Allow(), None),
    ("_dns.bookinfo", "bookinfo", Allow(hosts=("*",)), "invalid-host"),
    ("*a.bookinfo", "bookinfo", Allow(hosts=("*",)), "invalid-host"),
    ("pay", "bank", Allow(), "host-not-allowed"),
    ("pay", "bank", Allow(hosts=("pay.global",)), None),
    ("pay", "bank", Allow(hosts=("pay.mesh",)), "host-not-allowed"),
    ("pay", "bank", Allow(hosts=("pay.global",), namespaces=("shop",)), "namespace-not-allowed"),
    ("*.apps", "apps", Allow(), "host-not-allowed"),
    ("*.apps", "apps", Allow(hosts=("[*].apps.global",)), "host-not-allowed"),
    ("*.apps", "apps", Allow(hosts=("*.apps.global",)), None),
    ("v1.reviews.bookinfo", "bookinfo", Allow(), "host-not-allowed"),
    ("v1.reviews.bookinfo", "bookinfo", Allow(hosts=("v?.reviews.bookinfo.global",)), None),
]


@pytest.mark.parametrize(("host", "namespace", "allow", "code"), ROWS)
def test_a_host_belongs_to_its_namespace_or_needs_the_word_of_the_configuration(
    host, namespace, allow, code
):
    problem = refuse_host(
        Host(host), "global", namespace=namespace, position=2, rules=rules(allow=allow)
    )
    assert (problem and problem.code) == code
    assert problem is None or problem.path in {"$.spec.hosts[2]", "$.metadata.namespace"}


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("bookinfo", "*", True),
        ("bookinfo", "book????", True),
        ("bookinfo", "book???", False),
        ("bookinfo", "Bookinfo", True),
        ("a.b", "a?b", True),
        ("axb", "a.b", False),
    ],
)
def test_only_star_and_question_mark_are_special(text, pattern, expected):
    assert matches(text, (pattern,)) is expected
