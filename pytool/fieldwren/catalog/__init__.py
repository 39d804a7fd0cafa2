"""The semantic catalogue: which model fits which device, and why.

Facts are RDF in an embedded store (or behind any SPARQL 1.1 endpoint); matching works on columns that are derived from
them. `Catalog.open()` gives the catalogue, the functions here ask it:

>>> with Catalog.open("runs/catalog") as catalog:
...     add(catalog, ["my.tflite"])
...     find_models(catalog, board="nrf52840dk", task="keyword", max_latency_ms=30)
"""

from __future__ import annotations

from fieldwren.catalog import packages  # first: says what is missing
from fieldwren.catalog.add import Added, Fault, add
from fieldwren.catalog.ask import Deployment, Found, Hit, deployments, find_boards, find_models, search, why_not
from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.deploy import DeployPlan, DeployStep, deploy
from fieldwren.catalog.exchange import export, sparql
from fieldwren.catalog.match import Constraint
from fieldwren.catalog.things import thing_description, thing_model

__all__ = [
    "Added",
    "Catalog",
    "Constraint",
    "DeployPlan",
    "DeployStep",
    "Deployment",
    "Fault",
    "Found",
    "Hit",
    "add",
    "deploy",
    "deployments",
    "export",
    "find_boards",
    "find_models",
    "packages",
    "search",
    "sparql",
    "thing_description",
    "thing_model",
    "why_not",
]
