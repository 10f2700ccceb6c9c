"""The HTTP endpoint for people and probes, and the control socket for their changes."""
