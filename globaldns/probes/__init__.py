"""Watching the gateways of other networks: whether they answer, and where their names lead.

``board`` decides, without I/O: what is to be probed or looked up when, and what follows from how
that went. ``watch`` does it, with ``probe`` and ``resolver``.
"""
