"""Federated learning of heads: many devices, few labels each, all different.

`federation` reads federation.toml, `wire` is what travels, `device` what a client promises, `aggregate` and `server` are
the strategies' arithmetic and the rounds around it, `simulate` runs virtual devices, `flower` puts the same server under
Flower's engines.
"""
