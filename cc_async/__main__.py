"""``python -m cc_async`` is the command line."""

import sys

from cc_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
