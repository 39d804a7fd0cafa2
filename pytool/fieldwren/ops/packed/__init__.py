"""Lowering to the kernels that hold two pixels in a word, for cores without multiply-accumulate (Cortex-M0)."""
