"""What routes are in Istio's words: documents for the API server of the cluster that has them.

Everything follows from a service, what a viewer sees of it, and what stands in that cluster.
"""
