"""The data plane: from the bytes of a query to the bytes of its answer, and the sockets around it.

From the inside out: ``names codes records`` (formats); ``rules`` (settings); ``zone reverse`` (what
is served); ``answer chaos`` (what is said); ``wire reply`` (messages); ``responder`` (bytes to
bytes, synchronous); ``udp tcp listen server`` (sockets); ``counters querylog`` (what is seen of
it); ``lastzone`` (what is remembered of it).

Everything from ``responder`` inwards is free of sockets, loops and clocks. It knows entries and
deltas (``model.snapshot``), and nothing of how they come to be.
"""
