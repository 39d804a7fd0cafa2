"""Networks by name: `tables` says what a recipe may ask for, `build` makes it, a module each for those with a story."""
