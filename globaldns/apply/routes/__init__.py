"""The Istio documents of our cluster, kept as the mesh has them: by its leader, at a bounded rate.

``standing`` is what there is of ours, ``comparison`` says what is to be done to an object and how
urgent that is, ``patience`` what may wait; ``objects`` does it, ``term`` one after the other.
"""
