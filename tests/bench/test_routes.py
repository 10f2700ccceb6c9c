from __future__ import annotations

from pathlib import Path

from tests.bench import routes


def test_a_few_services_are_exported_and_counted(tmp_path: Path) -> None:
    figures = routes.run(tmp_path, 6, times=1)
    assert figures["documents"] > 12
    assert figures["export_seconds"] > 0
