"""Makes many requests at once; says who answered how many of them.

``many_calls.py URL COUNT AT_ONCE`` prints JSON: how often each pod answered, by its name.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 30.0


def ask(url: str) -> str:
    """Return who answers a request; why not, if nobody does."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
            return str(json.load(reply)["pod"])
    except (OSError, ValueError) as error:
        return f"failed: {error}"


if __name__ == "__main__":
    where, count, at_once = sys.argv[1:]
    with ThreadPoolExecutor(int(at_once)) as lanes:
        print(json.dumps(Counter(lanes.map(ask, [where] * int(count)))))
