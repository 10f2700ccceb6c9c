"""What a cluster's own DNS is told of us: text in, text out.

A Corefile is read as CoreDNS reads it and edited where our block stands, nowhere else; other
shapes of the same thing (stub domains in JSON, an operator's list, a chart's values) have modules
of their own. Each installs and removes, refuses what it does not understand, and is idempotent.
"""
