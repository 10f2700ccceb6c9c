"""A machine without Kubernetes, by the very commands of its units, in networks of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.images import (
    ENDPOINT,
    HOST,
    PORT,
    TEXT,
    UNITS,
    Image,
    Networks,
    inside,
    need_namespaces,
    run,
    started,
)
from tests.system.running import wait_until

NAMES = ("globaldns.service", "globaldns-pools.service", "globaldns-envoy.service")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    need_namespaces()
    image = Image(tmp_path / "image")
    image.install()
    return image


@pytest.fixture
def networks() -> Iterator[Networks]:
    networks = Networks()
    with networks.up():
        yield networks


def test_systemd_takes_the_units_without_a_word(image: Image, need: Callable[[str], str]) -> None:
    verify = [need("systemd-analyze"), "verify", *(f"/{UNITS}/{name}" for name in NAMES)]
    done = subprocess.run([*image.view, *verify], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_the_units_hardly_exposed(image: Image, need: Callable[[str], str]) -> None:
    words = ("security", "--offline=true", "--threshold=25")  # tenths, of 10.0
    units = [str(image.root / UNITS / name) for name in NAMES]
    run(need("systemd-analyze"), *words, *units)


def test_a_name_leads_to_an_endpoint_in_another_network(
    image: Image, networks: Networks, tmp_path: Path, need: Callable[[str], str]
) -> None:
    dig, curl = need("dig"), need("curl")

    def here(*command: str) -> list[str]:
        return inside(networks.machine, *image.view, *command)

    def ask(*words: str) -> str:
        command = here(dig, "@127.0.0.1", "-p", "1053", "+short", "+tries=1", "+time=1", *words)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def get() -> str:
        command = here(curl, "-s", "--max-time", "5", f"http://{vip}/")
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text(TEXT)
    server = (sys.executable, "-m", "http.server", str(PORT), "--bind", ENDPOINT)
    with ExitStack() as stack:

        def start(name: str, command: list[str]) -> subprocess.Popen[bytes]:
            return stack.enter_context(started(command, tmp_path / f"{name}.log"))

        start("pod", inside(networks.endpoint, *server, "--directory", str(pages)))
        serve = start("serve", here(*image.command("globaldns.service")))
        wait_until(lambda: ask(HOST).startswith("240."), "the name has its VIP")
        vip = ask(HOST)
        assert ask("-x", vip) == f"{HOST}."
        assert get() == "", "nothing is routed yet"

        run(*here(*image.command("globaldns-pools.service")))
        run(*here(*image.command("globaldns-envoy.service", "ExecStartPre")))
        envoy = start("envoy", here(*image.command("globaldns-envoy.service")))
        wait_until(lambda: get() == TEXT, f"{vip} leads to the endpoint")

        serve.send_signal(signal.SIGHUP)
        taken = "the configuration is taken"
        wait_until(lambda: taken in (tmp_path / "serve.log").read_text(), taken)
        assert (get(), serve.poll(), envoy.poll()) == (TEXT, None, None)

        run(*here(*image.command("globaldns-pools.service", "ExecStop")))
        assert "240." not in run(*here("ip", "route", "show", "table", "local"))
