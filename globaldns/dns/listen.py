"""Addresses that the server listens on, as values."""

from __future__ import annotations

import msgspec

from globaldns.config.values import split_listen
from globaldns.model.address import Address, Family, family, format_address, parse_address


class Listen(msgspec.Struct, frozen=True, order=True, gc=False):
    """An address and port, for UDP and TCP."""

    address: Address
    port: int
    """0: whichever is free."""

    @property
    def family(self) -> Family:
        """The family of its address."""
        return family(self.address)

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every address of the host."""
        return not any(self.address)

    @property
    def host(self) -> str:
        """The text of its address, without brackets."""
        return format_address(self.address)

    def __str__(self) -> str:
        """Return ``address:port`` or ``[address]:port``."""
        host = f"[{self.host}]" if self.family is Family.IPV6 else self.host
        return f"{host}:{self.port}"


def parse_listen(text: str) -> Listen:
    """Return the address and port that a text of the configuration writes.

    Raises:
        InvalidValue: it writes none.
    """
    host, port = split_listen(text)
    return Listen(parse_address(host), port)


DEFAULT_LISTEN = (parse_listen("127.0.0.1:1053"), parse_listen("[::1]:1053"))
"""Of these, what the host does not have is skipped. 5353 is mDNS's, 53 needs root."""
