"""The names under which VIPs that a service had before go on being routed.

Each has an entry of its own, for two addresses, or two entries, of one host break each other. Its
host says whose it was and which VIP: ``web.shop.240-128-0-1.former.global``. Nobody is answered it.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from globaldns.model.address import Address

_FORMER = re.compile(r"(?P<host>.+)\.[0-9a-f]{1,4}(?:-[0-9a-f]{1,4}){3,7}\.former\.(?P<zone>.+)")


def former_name(host: str, vip: Address, zone: str) -> str:
    """Return the host, with its zone, of the entry of a VIP that a host had."""
    label = re.sub(r"[.:]", "-", ip_address(vip).exploded)
    return f"{host}.{label}.former.{zone}"


def routed_name(name: str) -> str:
    """Return whose route it is that has a host, given with its zone: mostly that host's itself."""
    found = _FORMER.fullmatch(name)
    return f"{found['host']}.{found['zone']}" if found else name
