"""Figures over many models: the table of the peer's and our own, and the checked-in figures that must not get worse."""
