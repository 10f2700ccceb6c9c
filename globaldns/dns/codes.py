"""Numbers of the DNS that the server tells apart.

Standards:
    IANA "Domain Name System (DNS) Parameters"
"""

from __future__ import annotations

from enum import IntEnum


class Opcode(IntEnum):
    """Operation codes (RFC 6895 section 2.2)."""

    QUERY = 0
    NOTIFY = 4
    """RFC 1996."""
    UPDATE = 5
    """RFC 2136."""


class Rcode(IntEnum):
    """Response codes (RFC 6895 section 2.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16
    """RFC 6891 section 6.1.3: four bits in the header, eight in the OPT record."""


class Rrtype(IntEnum):
    """Types of records (RFC 6895 section 3.1) that we serve, refuse or count by name."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    NAPTR = 35
    DS = 43
    DNSKEY = 48
    SVCB = 64
    HTTPS = 65
    CAA = 257
    OPT = 41
    """RFC 6891; a record of the message, never of a zone."""
    TSIG = 250
    """RFC 8945; a record of the message, never of a zone."""
    IXFR = 251
    AXFR = 252
    ANY = 255


class Rrclass(IntEnum):
    """Classes (RFC 6895 section 3.2)."""

    IN = 1
    CH = 3
    ANY = 255


class Option(IntEnum):
    """EDNS options (RFC 6891 section 9) that we do not ignore."""

    NSID = 3
    """RFC 5001."""
    PADDING = 12
    """RFC 7830."""
