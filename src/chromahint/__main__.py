"""Entry point of `python -m chromahint`."""

import sys

from chromahint.cli.main import main

sys.exit(main())
