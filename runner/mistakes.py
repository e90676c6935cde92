"""Says in one sentence what is wrong with a value that pydantic refused, and what to write instead.

Used for devices.yaml, environment variables, API requests and script configurations, so that the same mistake
reads the same everywhere. It words errors; it validates nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a set of keys and values",
    "model_attributes_type": "a set of keys and values",
    "dict_type": "a set of keys and values",
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    by_fold = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def sentence(error: ErrorDetails, name: str, model: type[BaseModel] | None = None) -> str:
    """What is wrong, in one sentence that starts with `name`, the field's.

    With the model that was validated, the known keys are named beside an unknown one.
    """
    location, value = error["loc"], error["input"]
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            section = _model_at(location[:-1], model)
            return unknown_key(name, section.model_fields if section else ())
        case "missing":
            return f"{name} is missing"
        case "invalid_key":
            return f"the key {value} must be text; put it in quotes"
        case "literal_error" | "enum":
            meant = nearest(str(value), [part.strip("'") for part in _alternatives(context["expected"])])
            hint = f" (did you mean {meant!r}?)" if meant else ""
            return f"{name} must be {context['expected']}, not {_shown(value)}{hint}"
        case "too_short":
            return f"{name} must have at least {context['min_length']} entry"
        case "value_error":
            return f"{name}: {context['error']}"
        case "greater_than_equal":
            return f"{name} must be {context['ge']} or more, not {_shown(value)}"
        case "less_than_equal":
            return f"{name} must be {context['le']} or less, not {_shown(value)}"
        case kind if kind in _KINDS:
            return f"{name} must be {_KINDS[kind]}, not {_shown(value)}{_quoting(kind, value)}"
        case _:
            said = error["msg"]
            return f"{name}: {said[:1].lower()}{said[1:]} (it is {_shown(value)})"


def dotted(location: Sequence[int | str]) -> str:
    """("devices", 0, "serial") → "devices[0].serial"."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "the whole"


def unknown_key(name: str, known: Iterable[str]) -> str:
    """That the last part of `name` is no key here, and which one may have been meant."""
    meant = nearest(name.rpartition(".")[2], known)
    listed = ", ".join(known)
    hint = f" (did you mean {meant!r}?)" if meant else f"; known here: {listed}" if listed else ""
    return f"{name} is not a known key{hint}"


def _model_at(location: Sequence[int | str], model: type[BaseModel] | None) -> type[BaseModel] | None:
    annotation: Any = model
    for part in location:
        annotation = _without_none(annotation)
        if isinstance(part, int):
            annotation = next(iter(get_args(annotation)), None)
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[part].annotation
        else:
            return None
    annotation = _without_none(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not NoneType)
    return annotation


def _alternatives(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _quoting(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, (int, float)):
        return f'; put it in quotes: "{value}"'
    return ""


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a set of keys and values"
        case list() | tuple():
            return "a list"
        case str():
            return f'"{value[:60]}…"' if len(value) > 60 else f'"{value}"'
        case _:
            return str(value)
