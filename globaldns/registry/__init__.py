"""Decisions: which exports make a service, which VIP it has, what must be remembered. No I/O."""
