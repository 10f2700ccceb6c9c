"""``python -m globaldns`` is the command ``globaldns``."""

from globaldns.cli import main

if __name__ == "__main__":
    main()
