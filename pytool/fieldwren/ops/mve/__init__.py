"""Lowering to the kernels for cores with MVE (Helium) vectors: tables in their order, choice of requantisation."""
