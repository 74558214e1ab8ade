"""The OpenAPI document of everything below /api/v1 and of what else programs ask, made from the routes themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from floorline import __version__
from floorline.web.http import JSON, Route, Told, json_page

PATH = "/api/v1/openapi.json"
_Node = Any
"""A part of the document, as OpenAPI and JSON Schema define them."""

_Json = dict[str, _Node]


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, and how to mend it."""

    type: str
    message: str


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is no success."""

    error: Error


def openapi(routes: Sequence[Route]) -> _Json:
    """The document of those of `routes` that tell of themselves."""
    told = [(route, route.told) for route in routes if route.told is not None]
    types = {one for _, it in told for one in (it.query, it.body, it.answer) if one is not None} | {Failed}
    ordered = sorted(types, key=lambda one: (one.__module__, one.__qualname__))
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    by_type = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, _Json] = {}
    for route, it in told:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, it, by_type, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Floorline",
            "version": __version__,
            "description": "Gross margins of AI features: what pages show, and what they do.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def route_of(routes: Sequence[Route]) -> Route:
    """Where the document of `routes` is had."""
    document = json_page(200, openapi(routes))
    return Route(method="GET", path=PATH, rule="viewer", answer=lambda _: document)


def _operation(route: Route, told: Told, schemas: Mapping[type, _Json], components: Mapping[str, _Json]) -> _Json:
    names = [part.partition("}")[0] for part in route.path.split("{")[1:]]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]
    if told.query is not None:
        parameters += _query(_resolved(schemas[told.query], components), names)
    operation: _Json = {
        "operationId": _id(route),
        "summary": told.summary,
        "description": _taken(route),
        "parameters": parameters,
        "responses": {
            str(told.status): _content(told, schemas),
            **{
                status: {"description": said, "content": {JSON: {"schema": schemas[Failed]}}}
                for status, said in _failures(route, told).items()
            },
        },
    }
    if route.rule == "open":
        operation["security"] = []
    if told.body is not None:
        resolved = _resolved(schemas[told.body], components)
        operation["requestBody"] = {
            "required": bool(resolved.get("required")),
            "content": {JSON: {"schema": schemas[told.body]}},
        }
    return operation


def _taken(route: Route) -> str:
    if route.rule == "open":
        return "Open to everyone."
    return f"Takes the role {route.rule}{f', or a token of scope {route.scope}' if route.scope else ''}."


def _content(told: Told, schemas: Mapping[type, _Json]) -> _Json:
    schema = schemas[told.answer] if told.answer is not None else {} if told.kind == JSON else {"type": "string"}
    return {"description": told.summary, "content": {told.kind: {"schema": schema}}}


def _failures(route: Route, told: Told) -> dict[str, str]:
    """What else the route may answer."""
    found = {"503": "the ledger or its store is away"}
    if route.rule != "open":
        found |= {"401": "nobody that is known asks", "403": "the role is too small"}
    if told.query is not None or told.body is not None:
        found["400"] = "a parameter or member is missing, wrong or unknown"
    if told.body is not None:
        found |= {"409": "it is not as it was when it was shown", "413": "the body is too large"}
    if "{" in route.path:
        found |= {"400": "a parameter or member is missing, wrong or unknown", "404": "there is no such thing"}
    found |= {str(status): said for status, said in told.failures.items()}
    return dict(sorted(found.items()))


def _query(schema: _Json, in_path: Sequence[str]) -> list[_Json]:
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "description": of.get("description", ""),
            "schema": {key: value for key, value in of.items() if key != "description"},
        }
        for name, of in schema["properties"].items()
        if name not in in_path
    ]


def _resolved(schema: _Json, components: Mapping[str, _Json]) -> _Json:
    reference = schema.get("$ref")
    return components[reference.rpartition("/")[2]] if reference else schema


def _id(route: Route) -> str:
    words = route.path.removeprefix("/api/v1/").replace("{", "").replace("}", "").replace("-", "_").split("/")
    return "_".join([route.method.lower(), *filter(None, words)])
