"""A mesh in a box: three clusters on one machine, in network namespaces, with real Envoys.

``plan`` says what there is, ``addresses`` what reaches what, ``manifests`` and ``settings`` what
each cluster's globaldns reads; these are pure. ``credentials``, ``ledgers``, ``wires`` and
``processes`` make it so, ``box`` puts them together, ``agent`` is what runs in each namespace.

The box is one process with network, mount and process namespaces of its own: when it ends, however
it ends, the kernel removes all that is in them, and the machine's own network was never touched.
"""
