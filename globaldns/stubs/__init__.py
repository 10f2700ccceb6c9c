"""A cluster's own DNS, told of us: read, changed where it may be, and asked whether it works.

What is written is decided by ``coredns``; here it is fetched and put, each time with the version
that was read, so that nobody's change is lost.
"""
