"""The same server under Flower (flwr): strategies for any Flower ServerApp, a ClientApp, and Flower's simulation engine.

Needs the `fleet` extra; nothing outside this package imports flwr.
"""
