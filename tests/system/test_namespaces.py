"""Where tests with networks of their own are skipped."""

from __future__ import annotations

import pytest

from tests.system.namespaces import skip


def test_what_a_machine_should_be_able_to_run_fails_where_all_must_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="too slow"):
        skip("too slow")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="too slow"):
        skip("too slow")
