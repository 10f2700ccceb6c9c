from pathlib import Path

import pytest

from globaldns.sources.reader import Job
from tests.sources.manifests import entry

NOW = 1_800_000_000
TEXTS = {
    "good.yaml": entry("a") + entry("b"),
    "broken.yaml": "kind: [unclosed\n",
    "misshapen.yaml": entry("c").replace("number: 80", "number: eighty"),
    "invalid.yaml": entry("e") + entry("f").replace("[f.", "['*', f."),
    "repeated.yaml": entry("d") + entry("d"),
    "empty.yaml": "",
    "other.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "east"
    root.mkdir()
    return root


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    return Job(str(tmp_path), [*sorted(TEXTS), "missing.yaml"], "east", NOW)
