"""The figures of docs/fleet.md: `python -m fieldwren.fleet.measure WHAT --out FILE`, each with its bar in the result."""
