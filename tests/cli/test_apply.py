"""Routes beside what stands in a cluster."""

import pytest

from globaldns.apply.routes.patience import Create, Delete, Replace
from globaldns.cli.apply import unified
from tests.apply.routes.documents import endpoint, entry, standing

OLD, NEW = entry(endpoint("10.0.0.1")), entry(endpoint("10.0.0.2"))


@pytest.mark.parametrize("word", ["diff", "apply"])
def test_a_mesh_of_directories_has_nothing_to_compare_with(command, word):
    refused = command(word, "--cluster", "west")
    assert refused.exit_code == 1
    assert "no API server of west is known" in refused.stderr
    assert "globaldns export --cluster west" in refused.stderr


def test_a_difference_is_shown_as_kubectl_shows_it():
    lines = list(unified(Replace(standing(OLD), NEW)))
    assert lines[:2] == ["--- ServiceEntry shop/web-global", "+++ ServiceEntry shop/web-global"]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        "-  - address: 10.0.0.1",
        "+  - address: 10.0.0.2",
    ]


def test_what_comes_or_goes_is_shown_as_a_whole():
    made, gone = list(unified(Create(NEW))), list(unified(Delete(standing(OLD))))
    assert made[0] == "--- /dev/null"
    assert gone[1] == "+++ /dev/null"
    assert all(line.startswith("+") for line in made[3:])
    assert all(line.startswith("-") for line in gone[3:])
