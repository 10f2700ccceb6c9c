"""API servers: asked, followed and written to. The only importer of kubernetes_asyncio.

``kubeconfig`` and ``credentials`` say how to reach one, ``client`` asks it, ``identity`` tells
which cluster it is, ``resources`` knows the kinds, ``watch`` follows one of them, ``lease`` elects
who writes.
"""
