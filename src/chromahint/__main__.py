"""`python -m chromahint` is the command `chromahint`."""

import sys

from chromahint.cli import main

sys.exit(main())
