"""Units, written below a directory; what is missing where they are to run."""

import shutil
import sys
from pathlib import Path

import pytest

from globaldns.cli.vm import find_programs
from globaldns.vm.files import PATHS
from tests.cli.conftest import Mesh

SERVE = "etc/systemd/system/globaldns.service"


@pytest.fixture
def mesh(tmp_path):
    """The example in a machine's file system."""
    return Mesh(tmp_path / "image/etc/globaldns/mesh")


@pytest.fixture
def documents(mesh, tmp_path):
    """The mesh's server keeps those of Envoys."""
    mesh.configure(envoy={"directory": str(tmp_path / "documents")})


@pytest.fixture
def image(tmp_path, documents):  # noqa: ARG001  # it comes first
    """The file system of a machine that does not run."""
    return tmp_path / "image"


def standing(image):
    """The files that an image has beside the mesh."""
    paths = (path.relative_to(image) for path in image.rglob("*") if path.is_file())
    return {f"/{path}" for path in paths if not path.is_relative_to("etc/globaldns/mesh")}


def test_an_image_gets_its_files_and_starts_nothing(command, image):
    printed = command("vm", "install", "--to", image)
    assert printed.exit_code == 0, printed.stderr
    assert standing(image) == {*PATHS}
    assert "+Domains=~global" in printed.stdout
    assert "7 files written, 0 removed" in printed.stderr
    assert f"systemctl --root={image} enable globaldns.service" in printed.stdout
    assert "there is no such program" in printed.stderr
    again = command("vm", "install", "--to", image)
    assert "0 files written" in again.stderr
    assert "+++" not in again.stdout


def test_a_dry_run_shows_all_and_writes_nothing(command, image):
    printed = command("vm", "install", "--dry-run", "--to", image)
    assert printed.exit_code == 0
    assert "+++ /etc/systemd/resolved.conf.d/globaldns.conf" in printed.stdout
    assert standing(image) == set()


def test_a_foreign_file_is_named_and_nothing_is_written(command, image):
    (image / SERVE).parent.mkdir(parents=True)
    (image / SERVE).write_text("[Unit]\n")
    printed = command("vm", "install", "--to", image)
    assert printed.exit_code == 1
    assert f"/{SERVE}: error: it is not ours" in printed.stderr
    assert "error: 1 error: nothing is written" in printed.stderr
    assert standing(image) == {f"/{SERVE}"}
    assert command("vm", "install", "--dry-run", "--to", image).exit_code == 3


def test_a_configuration_that_the_image_lacks_is_refused(run, image, mesh, tmp_path):
    outside = tmp_path / "outside.yaml"
    shutil.copy(mesh.config, outside)
    arguments = ("vm", "install", "--to", image, "--config", outside)
    printed = run(*arguments)
    assert printed.exit_code == 1
    assert f"{outside}: error: it is not below {image}: the machine will not have it" in (
        printed.stderr
    )
    assert f"copy it to {image}/etc/globaldns/globaldns.yaml" in printed.stderr
    assert standing(image) == set()
    # What is there by the same path is the machine's.
    (image / outside.relative_to("/")).parent.mkdir(parents=True)
    shutil.copy(outside, image / outside.relative_to("/"))
    assert run(*arguments).exit_code == 0


def test_a_root_that_is_not_there_is_not_made(command, run, image):
    for printed in (
        command("vm", "install", "--to", image / "rot"),
        run("vm", "remove", "--to", image / "rot"),
    ):
        assert printed.exit_code == 2
        assert "does not exist" in printed.stderr
    assert not (image / "rot").exists()


def test_a_machine_whose_envoy_is_told_nothing_is_refused(command, tmp_path):
    printed = command("vm", "install", "--to", tmp_path / "image")
    assert printed.exit_code == 1
    assert "envoy.directory is not set (fix: add envoy: {directory:" in printed.stderr


@pytest.mark.usefixtures("documents")
def test_of_a_machine_that_runs_commands_are_shown_in_their_turn(command):
    printed = command("vm", "install", "--dry-run")
    shown = [line for line in printed.stdout.splitlines() if line.startswith("$ ")]
    assert shown[0] == "$ systemd-sysusers /etc/sysusers.d/globaldns.conf"
    assert shown[-1] == "$ systemctl reload-or-restart systemd-resolved.service"


def test_removal_takes_what_is_ours_and_leaves_the_rest(command, image, run):
    command("vm", "install", "--to", image)
    (image / SERVE).write_text("[Unit]\n")
    (image / "etc/globaldns/globaldns.yaml").write_text("cluster: east\n")
    kept = {f"/{SERVE}", "/etc/globaldns/globaldns.yaml"}
    before = standing(image)
    shown = run("vm", "remove", "--dry-run", "--to", image)
    assert "--- /etc/sysusers.d/globaldns.conf" in shown.stdout
    assert standing(image) == before
    printed = run("vm", "remove", "--to", image)
    assert printed.exit_code == 0
    assert f"/{SERVE} is not ours, and stays" in printed.stderr
    assert "0 files written, 6 removed" in printed.stderr
    assert f"systemctl --root={image} disable" in printed.stdout
    assert standing(image) == kept


def test_programs_are_beside_this_python_or_where_an_image_has_them(tmp_path):
    here = find_programs(None, None, is_live=True)
    assert here.globaldns == Path(sys.executable).parent / "globaldns"
    assert find_programs(None, None, is_live=False).envoy == Path("/opt/globaldns/bin/envoy")
    named = find_programs(tmp_path / "a", Path("b"), is_live=False)
    assert (named.globaldns, named.envoy) == (tmp_path / "a", Path.cwd() / "b")
