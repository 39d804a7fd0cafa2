"""`python -m fieldwren` is the command line."""

from __future__ import annotations

from fieldwren.cli import main

if __name__ == "__main__":
    main()
