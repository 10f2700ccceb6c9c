"""What an API server says of an account's rights."""

from __future__ import annotations

import pytest

from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.resources import LEASES
from globaldns.kube.rights import Right, has_right
from tests.kube.fake import FakeApiServer


async def test_a_right_is_one_until_it_is_taken(fake: FakeApiServer, client: Client) -> None:
    right = Right("update", LEASES, "dns", "globaldns")
    assert await has_right(client, right)
    fake.deny("update", str(LEASES), "dns")
    assert not await has_right(client, right)
    assert await has_right(client, Right("get", LEASES, "dns", "globaldns"))
    assert await has_right(client, Right("update", LEASES, "other", "globaldns"))


async def test_without_an_answer_nothing_is_known(fake: FakeApiServer, client: Client) -> None:
    fake.fail(503)
    with pytest.raises(ApiError):
        await has_right(client, Right("get", LEASES, "dns"))
