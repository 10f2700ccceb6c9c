"""Several sources read at once, each in a thread of its own."""

import subprocess
import sys

FIRST_AT_ONCE = """
import sys, threading
from globaldns.objects import decode
sys.setswitchinterval(1e-6)
objects = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": []}},
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"nodeName": "n"}},
    {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "a"},
     "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]},
    {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "a"},
     "spec": {"hosts": ["a.b.global"], "endpoints": [{"address": "10.0.0.1"}]}},
]
barrier = threading.Barrier(6)
def run():
    barrier.wait()
    for value in objects:
        decode(value)
threads = [threading.Thread(target=run) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
PROCESSES = 8


def test_threads_may_be_the_first_to_decode_a_kind_at_once():
    for _ in range(PROCESSES):
        done = subprocess.run([sys.executable, "-c", FIRST_AT_ONCE], check=False)
        assert done.returncode == 0
