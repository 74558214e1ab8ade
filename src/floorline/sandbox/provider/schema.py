"""The simplest value that fits a JSON schema: what an answer that must have a shape consists of."""

from floorline.pricing.usage.tally import Fields, fields, items, text

_DEPTH_MAX = 8  # of a schema that refers to itself
_SIMPLE: dict[str, object] = {"string": "text", "integer": 1, "number": 1, "boolean": True, "null": None}


def sample(schema: Fields) -> object:
    """A value that fits `schema`, every property of its objects included."""
    return _sample(schema, schema, 0)


def _sample(schema: Fields, root: Fields, depth: int) -> object:
    if depth > _DEPTH_MAX:
        return None
    schema = _resolved(schema, root)
    stated = _stated(schema)
    if stated is not None:
        return stated
    for union in ("anyOf", "oneOf", "allOf"):
        if items(schema.get(union)):
            return _sample(items(schema.get(union))[0], root, depth + 1)
    kind = text(schema.get("type")).lower()
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind == "array":
        return [_sample(fields(schema.get("items")), root, depth + 1)]
    properties = fields(schema.get("properties"))
    return {name: _sample(fields(value), root, depth + 1) for name, value in properties.items()}


def _stated(schema: Fields) -> object:
    """A value that the schema names itself; None when it names none."""
    for fixed in ("const", "default"):
        if schema.get(fixed) is not None:
            return schema[fixed]
    options = schema.get("enum")
    if isinstance(options, list) and options:
        return options[0]  # pyright: ignore[reportUnknownVariableType] - JSON that nobody checked
    return None


def _resolved(schema: Fields, root: Fields) -> Fields:
    """`schema`, or what it refers to inside `root` (`#/$defs/Name`)."""
    place = text(schema.get("$ref"))
    if not place.startswith("#/"):
        return schema
    found = root
    for name in place[2:].split("/"):
        found = fields(found.get(name))
    return found
