"""The data plane: from the bytes of a query to the bytes of its answer, and the sockets around it.

From the inside out: ``names codes records`` (formats); ``rules`` (settings); ``table`` (names and
addresses in shared memory), ``zone reverse`` (what of it is served); ``answer chaos`` (what is
said); ``wire reply`` (messages); ``responder fast`` (bytes to bytes, synchronous); ``udp batch tcp
tls`` and ``listen binding seats`` (sockets); ``server loop turns worker`` (a process that answers);
``plane`` (what processes share); ``counters querylog`` (what is seen of it). Only ``scribe`` and
its ``arena`` write the table, in the control process; ``lastzone`` is what is remembered of it.
``message rdata`` are for those who ask: answers as people read them.

Everything from ``responder`` inwards is free of sockets, loops and clocks. It knows entries and
deltas (``model.snapshot``), and nothing of how they come to be.
"""
