"""DNS over TLS, asked with kdig as a person would, while the certificate changes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.certificates import NAME, Pair, make_pair
from tests.system.running import Mesh, Server, free_port, wait_until

IN_POOL = r"240\.(12[89]|1[3-8]\d|19[01])\.\d+\.\d+"
REVIEWS = "reviews.bookinfo.global"


class Secret:
    """A folder as the kubelet mounts a Secret."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = 0
        folder.mkdir()
        for name in ("tls.crt", "tls.key"):
            (folder / name).symlink_to(f"..data/{name}")

    def renew(self) -> Pair:
        """Have its names lead to a new certificate, all at once."""
        self.version += 1
        pair = make_pair(self.folder / f"..{self.version}")
        self.show(pair)
        return pair

    def show(self, pair: Pair) -> None:
        """Have its names lead to a pair, all at once."""
        new = self.folder / "..data_tmp"
        new.symlink_to(pair.key.parent.name)
        new.replace(self.folder / "..data")


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    return Secret(tmp_path / "secret")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def first(secret: Secret) -> Pair:
    return secret.renew()


@pytest.fixture
def tls_server(
    make_mesh: Callable[..., Mesh], secret: Secret, first: Pair, port: int
) -> Iterator[Server]:
    assert first.certificate.exists()
    tls = {
        "listen": [f"127.0.0.1:{port}", f"[::1]:{port}"],
        "certificate": str(secret.folder / "tls.crt"),
        "key": str(secret.folder / "tls.key"),
    }
    with Server(make_mesh(dns={"tls": tls})) as running:
        yield running.wait_ready()


def kdig(program: str, port: int, pair: Pair, *more: str) -> str:
    command = [
        *(program, "@127.0.0.1", "-p", str(port), "+tls", "+retry=0", "+timeout=5"),
        *(f"+tls-ca={pair.certificate}", f"+tls-hostname={NAME}", *more, REVIEWS, "A"),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_kdig_believes_it_and_gets_a_padded_answer(
    tls_server: Server, first: Pair, port: int, need: Callable[[str], str]
) -> None:
    printed = kdig(need("kdig"), port, first)
    assert "TLS1.3" in printed
    assert "status: NOERROR" in printed
    assert re.search(rf"{REVIEWS}\.\s+30\s+IN\s+A\s+{IN_POOL}\n", printed)
    assert "Received 468 B" in printed
    assert f"127.0.0.1:{port}, [::1]:{port} (TLS)" in tls_server.log
    counted = 'globaldns_dns_requests_total{family="ipv4",proto="dot",type="A"}'
    assert tls_server.metric(counted) == 1.0


def test_a_new_certificate_is_answered_with_while_it_runs_and_a_broken_one_is_not(
    tls_server: Server, secret: Secret, first: Pair, port: int, need: Callable[[str], str]
) -> None:
    program = need("kdig")
    broken = make_pair(secret.folder / "..broken")
    broken.key.write_text("")
    secret.show(broken)
    tls_server.wait_log("the certificate is not taken: the old one stays")
    assert re.fullmatch(IN_POOL, kdig(program, port, first, "+short").strip())
    second = secret.renew()
    wait_until(
        lambda: bool(re.fullmatch(IN_POOL, kdig(program, port, second, "+short").strip())),
        "the new certificate is answered with",
    )
    assert "can be used again" in tls_server.log
    assert kdig(program, port, first, "+short").strip() == ""
