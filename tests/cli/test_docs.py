"""The pages made from the program are up to date."""

from __future__ import annotations

import subprocess
import sys

from support import CHECKOUT


def test_the_pages_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, CHECKOUT / "tools" / "write_docs.py", "--check"], cwd=CHECKOUT, check=False)
    assert done.returncode == 0, "docs/ is out of date: run `make docs`"
