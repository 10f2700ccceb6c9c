from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import peers, zonefile
from tests.bench.certificate import Certificate

CERTIFICATE = Certificate(Path("/c/chain.pem"), Path("/c/key.pem"))


def configured(peer: peers.Peer, folder: Path, certificate: Certificate | None) -> str:
    zone = zonefile.write(folder, {"a.b.global": "240.128.0.1"})
    command = peer.command("program", peers.Place(folder, 21_998, 21_999, zone, certificate))
    return Path(command[-1]).read_text()


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_every_peer_serves_the_zone_at_its_port(peer: peers.Peer, tmp_path: Path) -> None:
    text = configured(peer, tmp_path, None)
    assert "21998" in text
    assert str(tmp_path / "global.") in text
    assert "21999" not in text


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_a_peer_shows_the_certificate_or_says_why_not(peer: peers.Peer, tmp_path: Path) -> None:
    text = configured(peer, tmp_path, CERTIFICATE)
    has_tls = all(part in text for part in ("21999", "/c/chain.pem", "/c/key.pem"))
    assert has_tls != bool(peer.without_tls)
