"""`python -m chromahint` is the command `chromahint`."""

import sys

from chromahint.cli.main import main

sys.exit(main())
