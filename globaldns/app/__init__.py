"""The one place that constructs and wires.

``settings rules`` cut the configuration into what each component gets. ``offline changing ledgers``
are for commands without a server. The rest is a server: ``hosting`` takes what its processes share,
for as many workers as ``cores`` finds; ``serving`` begins with ``starting`` (what is remembered
answers) and goes on with ``running`` (everything else). ``control`` puts that together: ``sources``
runs what reads the clusters; ``mesh`` takes its changes through the registry, ``writing`` into the
ledger and ``publication`` into the zones; ``memory views keepsakes`` remember it all for the next
start; ``reloading`` follows the configuration file; ``news figures readiness readings`` say how it
stands; ``housekeeping heap`` keep it small.
"""
