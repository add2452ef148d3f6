"""The types of a record's fields that hold any space's candidate or its cost: which class a line of
a history is read as.

Nothing in the line names a class. Of the classes that are loaded, one is chosen by the fields: it
knows all that are given, and of these classes it has the fewest others. No two candidates have the
same fields; of two costs with the same fields, the first that was written is taken.
"""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, SerializeAsAny, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import to_json

from lmanet.cost.candidate_cost import CandidateCost
from lmanet.network.architecture import explain_validation
from lmanet.network.candidate import Candidate


class _Fields(NamedTuple):
    required: frozenset[str]
    every: frozenset[str]


def _read_candidate(data: object, info: ValidationInfo) -> object:
    kinds = {
        each: _Fields(
            frozenset(name for name, field in each.model_fields.items() if field.is_required()),
            frozenset(each.model_fields),
        )
        for each in Candidate.kinds()
    }
    return _read(data, kinds, info) if isinstance(data, dict) else data


def _read_cost(data: object, info: ValidationInfo) -> object:
    kinds = {
        each: _Fields(
            frozenset(field.name for field in fields(each) if _is_required(field)),
            frozenset(field.name for field in fields(each)),
        )
        for each in CandidateCost.kinds()
    }
    return _read(data, kinds, info) if isinstance(data, dict) else data


def _read(data: dict[str, Any], kinds: Mapping[type, _Fields], info: ValidationInfo) -> object:
    kind = _kind(data.keys(), kinds)
    try:
        if info.mode == "json":  # where a list may stand for a tuple
            return _adapter(kind).validate_json(to_json(data))
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise ValueError(explain_validation(error)) from error


def _kind(given: Collection[str], kinds: Mapping[type, _Fields]) -> type:
    fitting = [
        (len(known.every), kind)
        for kind, known in kinds.items()
        if known.required <= set(given) <= known.every
    ]
    if not fitting:
        raise ValueError(
            f"no search space that is loaded has the fields {', '.join(sorted(given)[:12])}; set "
            "space= as the run had it, with its module on PYTHONPATH"
        )
    return min(fitting, key=lambda pair: pair[0])[1]


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


AnyArchitecture = Annotated[SerializeAsAny[Candidate], BeforeValidator(_read_candidate)]
AnyCost = Annotated[SerializeAsAny[CandidateCost], BeforeValidator(_read_cost)]
