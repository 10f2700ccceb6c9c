"""What services see, and may read."""

from pathlib import Path

import pytest

from globaldns.vm.access import look_at_access
from globaldns.vm.machine import CONFIG, Programs, machine_of
from tests.vm.machines import config_of


def findings(root, programs=None, **changes):
    config = config_of(**changes)
    machine = machine_of(config, programs=programs or Programs(), file=CONFIG, root=root)
    return {(one.code, one.file) for one in look_at_access(config, machine, root)}


def write(path, text="", mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize("home", ["/root/bin", "/home/me/bin", "/run/user/7"])
def test_a_program_in_a_home_is_not_seen(home, tmp_path):
    programs = Programs(globaldns=Path(home, "globaldns"))
    assert findings(tmp_path, programs) == {("hidden", f"{tmp_path}{home}/globaldns")}


def test_neither_is_what_runs_a_program(tmp_path):
    write(tmp_path / "opt/globaldns/bin/globaldns", "#!/root/python/bin/python3 -E\n", 0o755)
    assert findings(tmp_path) == {("hidden", f"{tmp_path}/root/python/bin/python3")}


def test_a_link_leads_to_where_a_program_is(tmp_path):
    """A program of this machine, seen with its own root."""
    (tmp_path / "link").symlink_to("/root/bin/globaldns")
    programs = Programs(globaldns=tmp_path / "link", envoy=tmp_path / "envoy")
    assert ("hidden", "/root/bin/globaldns") in findings(Path("/"), programs)


def test_a_file_of_root_alone_is_not_readable(tmp_path):
    write(tmp_path / "etc/globaldns/globaldns.yaml", mode=0o600)
    write(tmp_path / "etc/certs/key.pem", mode=0o640)
    write(tmp_path / "etc/certs/root-cert.pem", mode=0o644)
    assert findings(tmp_path) == {
        ("unreadable", f"{tmp_path}/etc/globaldns/globaldns.yaml"),
        ("unreadable", f"{tmp_path}/etc/certs/key.pem"),
    }


def test_every_path_of_the_configuration_is_looked_at(tmp_path):
    write(tmp_path / "k/east", mode=0o600)
    write(tmp_path / "k/key", mode=0o600)
    clusters = {
        "vm-1": {"source": {"directory": "/home/me/manifests"}},
        "east": {"source": {"kubernetes": {"kubeconfig": "/k/east"}}},
    }
    found = findings(
        tmp_path,
        clusters=clusters,
        dns={"tls": {"certificate": "/k/cert", "key": "/k/key"}},
        remote_secrets={"directory": "/root/secrets"},
    )
    assert found == {
        ("hidden", f"{tmp_path}/home/me/manifests"),
        ("hidden", f"{tmp_path}/root/secrets"),
        ("unreadable", f"{tmp_path}/k/east"),
        ("unreadable", f"{tmp_path}/k/key"),
    }


def test_what_is_not_there_is_not_said_here(tmp_path):
    assert findings(tmp_path) == set()
