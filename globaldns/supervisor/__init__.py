"""The processes of a server: who starts them, follows them when they die, and hands them over.

Only standard library, sockets and shared memory: what is imported here stays in memory beside every
worker, and what is not here cannot fail here.
"""
