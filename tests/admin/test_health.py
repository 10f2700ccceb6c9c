from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_probe_without_reasons_is_ok(get, path):
    answer = await get(path)
    assert (answer.status, answer.body) == (200, b"ok\n")


async def test_each_reason_is_a_line_of_a_503(get, mesh):
    mesh.reasons_not_ready = ("east was not read yet", "the ledger cannot be written")
    answer = await get("/readyz")
    assert answer.status == 503
    assert answer.body == b"east was not read yet\nthe ledger cannot be written\n"
    assert (await get("/livez")).status == 200


async def test_a_server_that_is_to_be_restarted_may_still_be_ready(get, mesh):
    mesh.reasons_to_restart = ("a thread hangs",)
    assert (await get("/livez")).body == b"a thread hangs\n"
    assert (await get("/readyz")).status == 200


async def test_metrics_are_prometheus_text(get, mesh):
    answer = await get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.body == mesh.metrics_text()
