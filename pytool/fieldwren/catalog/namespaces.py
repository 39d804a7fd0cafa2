"""Namespaces of the vocabularies the catalogue speaks, and the old spellings of them that published data use."""

from __future__ import annotations

import re
from collections.abc import Mapping

FW = "urn:fieldwren:vocabulary#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
DCT = "http://purl.org/dc/terms/"
DCAT = "http://www.w3.org/ns/dcat#"
IT6 = "http://data.europa.eu/it6/"
PROV = "http://www.w3.org/ns/prov#"
SOSA = "http://www.w3.org/ns/sosa/"
SSN = "http://www.w3.org/ns/ssn/"
SSN_SYSTEM = "http://www.w3.org/ns/ssn/systems/"
S3N = "http://w3id.org/s3n/"
TD = "https://www.w3.org/2019/wot/td#"
JSON_SCHEMA = "https://www.w3.org/2019/wot/json-schema#"
WOT_SECURITY = "https://www.w3.org/2019/wot/security#"
HYPERMEDIA = "https://www.w3.org/2019/wot/hypermedia#"
QUDT = "http://qudt.org/schema/qudt/"
UNIT = "http://qudt.org/vocab/unit/"
SCHEMA = "https://schema.org/"
OM = "http://www.ontology-of-units-of-measure.org/resource/om-2/"
SHACL = "http://www.w3.org/ns/shacl#"
NNET = "https://w3id.org/tinyml-schema/neural-network-schema#"
S3N_EXTEND = "https://w3id.org/tinyml-schema/neural-network-schema/s3n_extend/"
SOSA_EXTEND = "https://w3id.org/tinyml-schema/neural-network-schema/sosa_extend/"
SSN_EXTEND = "https://w3id.org/tinyml-schema/neural-network-schema/ssn_extend/"

PREFIXES: Mapping[str, str] = {
    "fw": FW,
    "rdf": RDF,
    "rdfs": RDFS,
    "xsd": XSD,
    "dct": DCT,
    "dcat": DCAT,
    "it6": IT6,
    "prov": PROV,
    "sosa": SOSA,
    "ssn": SSN,
    "ssn-system": SSN_SYSTEM,
    "s3n": S3N,
    "td": TD,
    "jsonschema": JSON_SCHEMA,
    "wotsec": WOT_SECURITY,
    "hctl": HYPERMEDIA,
    "qudt": QUDT,
    "unit": UNIT,
    "schema": SCHEMA,
    "om": OM,
    "sh": SHACL,
    "nnet": NNET,
    "s3n_extend": S3N_EXTEND,
    "sosa_extend": SOSA_EXTEND,
    "ssn_extend": SSN_EXTEND,
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "dc": DCT,
    "vann": "http://purl.org/vocab/vann/",
}
"""Prefixes that queries may use without declaring them."""

MODEL = "urn:fieldwren:model:"
APP = "urn:fieldwren:app:"
BOARD = "urn:fieldwren:board:"
DEVICE = "urn:fieldwren:device:"
RUN = "urn:fieldwren:run:"
FRONT_END = "urn:fieldwren:front-end:"
SOURCE = "urn:fieldwren:source:"
TOOL = "urn:fieldwren:tool:"
CATALOG = "urn:fieldwren:catalog"

_SPELLINGS = (
    (re.compile(r"http://tinyml-schema\.org/"), "https://w3id.org/tinyml-schema/"),
    (re.compile(r"https://w3id\.org/tinyml-schema-collab/"), "https://w3id.org/tinyml-schema/"),
    (re.compile(r"https://w3id\.org/tinyml-schema/networkschema#"), NNET),
    (
        re.compile(r"https://w3id\.org/tinyml-schema/((?:s3n|sosa|ssn)_extend)(?=[/#])"),
        r"https://w3id.org/tinyml-schema/neural-network-schema/\1",
    ),
    (re.compile(r"https://w3id\.org/s3n/"), S3N),
    (re.compile(r"http://schema\.org/"), SCHEMA),
    (re.compile(r"http://www\.w3\.org/ns/ssn/systems(?=[^/\w])"), SSN_SYSTEM),
)


def one_spelling(text: str) -> str:
    """Text (Turtle, JSON-LD or SPARQL) with every known spelling of a namespace replaced by the one used here.

    The published TinyML data say https://w3id.org/tinyml-schema/, their queries http://tinyml-schema.org/; S3N and
    schema.org are met with both schemes.
    """
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return text
