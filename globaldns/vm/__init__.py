"""Machines without Kubernetes: what systemd and systemd-resolved need to have names and VIPs there.

``machine units resolved files plan`` decide, and are free of I/O; ``checking`` looks at a machine,
``installing`` changes it.
"""
