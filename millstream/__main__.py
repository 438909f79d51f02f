"""`python -m millstream program.py [ARGS...]`: the same as `millstream run program.py [ARGS...]`."""

import sys

from millstream.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
