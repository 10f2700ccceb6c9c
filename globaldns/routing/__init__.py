"""What the clients of one control plane see of a service: where its bytes go, how near, how much.

Topologies are not modes here: they follow from networks, gateways and who serves whom.
"""
