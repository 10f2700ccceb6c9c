"""What is true without any configuration."""

import json
import subprocess

import pytest

import globaldns


def test_the_version_is_the_packages(run):
    assert run("version").stdout == f"globaldns {globaldns.__version__}\n"
    assert run("--version").stdout == run("version").stdout


def test_the_version_is_a_value_for_programs(run):
    assert json.loads(run("version", "-o", "json").stdout)["version"] == globaldns.__version__


def test_the_schema_is_that_of_the_configuration(run):
    document = json.loads(run("schema").stdout)
    assert "clusters" in json.dumps(document)
    assert document["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_for_the_programs_own_name(run, shell):
    printed = run("completion", shell)
    assert printed.exit_code == 0
    assert "_GLOBALDNS_COMPLETE" in printed.stdout


def test_bash_accepts_its_script(run):
    script = run("completion", "bash").stdout
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_shell_that_is_not_known_is_a_usage_error(run):
    assert run("completion", "tcsh").exit_code == 2
