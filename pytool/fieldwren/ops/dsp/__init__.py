"""Lowering to the kernels for cores with DSP instructions: weight streams, conditions for exactness, choice of variant."""
