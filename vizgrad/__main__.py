"""``python -m vizgrad`` is the command ``vizgrad``."""

import sys

from vizgrad.cli import main

sys.exit(main())
