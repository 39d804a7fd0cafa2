"""Queries that come with the catalogue: shown in the page, and a start for one's own."""

from __future__ import annotations

from collections.abc import Mapping

QUERIES: Mapping[str, str] = {
    "Boards with accelerometer and gyroscope and at least 100 kB of RAM": """SELECT ?board ?ram ?flash WHERE {
  ?b sosa:hosts ?a , ?g ; dct:title ?board ; fw:ramBytes ?ram .
  OPTIONAL { ?b fw:flashBytes ?flash }
  ?a fw:sensorKind "accelerometer" . ?g fw:sensorKind "gyroscope" .
  FILTER (?ram >= 100000)
} ORDER BY ?board""",
    "Models for a camera that need at most 128 KiB of RAM": """SELECT ?model (MAX(?need) AS ?ram) WHERE {
  ?m a fw:Model ; fw:needsSensor "camera" ; dct:title ?model .
  ?f fw:ofModel ?m ; fw:ramBytes ?need .
} GROUP BY ?model HAVING (MAX(?need) <= 131072) ORDER BY ?ram""",
    "Models that listen, the most accurate first": """SELECT ?model ?accuracy ?dataset WHERE {
  ?m a fw:Model ; fw:needsSensor "microphone" ; dct:title ?model .
  ?e fw:ofModel ?m ; dct:title "accuracy" ; it6:value ?accuracy .
  OPTIONAL { ?e fw:dataSetName ?dataset }
} ORDER BY DESC(?accuracy)""",
    "All boards and devices": """SELECT ?name ?kind ?ram ?flash WHERE {
  VALUES (?class ?kind) { (fw:Board "board") (fw:Device "device") }
  ?b a ?class ; dct:title ?name .
  OPTIONAL { ?b fw:ramBytes ?ram } OPTIONAL { ?b fw:flashBytes ?flash }
} ORDER BY ?kind ?name""",
    'Models about "yes" that need a microphone': """SELECT DISTINCT ?model ?about WHERE {
  ?m a fw:Model ; fw:needsSensor "microphone" ; dct:title ?model ; (dct:description|fw:label) ?about .
  FILTER (CONTAINS(LCASE(STR(?about)), "yes"))
} ORDER BY ?model""",
    "What was measured, where and by which version": """SELECT ?model ?board ?instructions ?ms ?at ?tool WHERE {
  ?r a fw:BenchRun ; fw:ofModel ?m ; fw:onBoard ?b ; fw:instructions ?instructions ; prov:endedAtTime ?at ;
    prov:wasAssociatedWith ?agent .
  OPTIONAL { ?r fw:latencyMs ?ms } OPTIONAL { ?agent rdfs:label ?tool }
  OPTIONAL { ?m dct:title ?model } OPTIONAL { ?b dct:title ?board }
} ORDER BY DESC(?at)""",
}
"""Title → SPARQL; the first five are the kinds of questions of the published semantic system."""
