"""One module per operator family: checks, constant folding, lowering to kernel calls. Graph in, Program out."""
