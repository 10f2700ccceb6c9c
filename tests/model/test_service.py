from __future__ import annotations

import pytest

from tests.model.values import export, service


@pytest.mark.parametrize(
    ("contributions", "clusters"),
    [
        ((), ()),
        ((export("west"), export("east")), ("east", "west")),
        ((export("west"), export("east"), export("west", name="other")), ("east", "west")),
    ],
)
def test_the_clusters_that_offer_a_service_are_sorted_each_once(contributions, clusters):
    assert service(contributions=contributions).clusters == clusters
