"""Authoritative DNS for one name space over many Kubernetes clusters, with stable virtual IPs.

From the ground up: ``errors``; ``logs metrics tasks state trust``; ``documents``; ``config``;
``model``; ``objects``; ``exports`` and ``registry`` (decisions); ``dns`` (the data plane) and
``coredns`` (what a cluster's own DNS is told); ``sources`` and ``ledger`` (what is read and
remembered); ``stubs`` (tells it); ``admin``; ``vm`` (machines without Kubernetes); ``app`` (wires
all); ``cli`` (prints).
"""

__version__ = "0.1.0"
