"""Authoritative DNS for one name space over many Kubernetes clusters, with stable virtual IPs.

From the ground up: ``errors``; ``logs metrics tasks state``; ``documents``; ``config``; ``model``;
``objects``; ``exports`` and ``registry`` (decisions); ``dns`` (the data plane); ``sources`` and
``ledger`` (what is read and remembered); ``admin``; ``app`` (wires all); ``cli`` (prints).
"""

__version__ = "0.1.0"
