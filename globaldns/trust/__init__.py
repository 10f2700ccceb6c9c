"""The certificates of a mesh: issued, verified, and compared between clusters. No clocks.

A mesh has one root, and each cluster an intermediate below it that its istiod signs with. Only this
package imports ``cryptography``; ``validity`` and ``roots`` are free of it.

Standards:
    RFC 5280                 certificates; section 4.2.1 has the extensions
    RFC 7468                 PEM
    SPIFFE X509-SVID         what a workload's certificate says
    Istio "Plug in CA Certificates"    the Secret ``cacerts`` and the files in it
"""
