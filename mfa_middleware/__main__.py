"""`python -m mfa_middleware`: the mfa-middleware command."""

from __future__ import annotations

import sys

from mfa_middleware.cli import main

if __name__ == "__main__":
    sys.exit(main())
