"""``python -m globaldns`` is the command ``globaldns``."""

import signal
import sys


def main() -> None:
    """Run a command line.

    A server is told by HUP to read its configuration again, and may be told so before it has a
    configuration, or any of what it takes to have one: nothing is imported before it hears that.
    """
    if "serve" in sys.argv[1:]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is what it is for
    from globaldns.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
