"""What every claim is: a record with the values that it may have, its words, and its check."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, ConfigDict, SerializeAsAny

from lmanet.base import Record
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.architecture import quoted
from lmanet.space import AnyArchitecture, AnyCost, Outline, SearchSpace

Schema = dict[str, Any]
MOST_SHOWN = 8  # legal values that the prompt writes out
_kinds: "dict[str, type[Claim]]" = {}


class Finding(NamedTuple):
    """Whether a claim holds, None where that cannot be told, and the facts."""

    holds: bool | None
    reason: str


class Legal(NamedTuple):
    """The values that a field of a claim may have.

    Attributes:
        several: the field is a list of them.
    """

    values: tuple[Any, ...]
    several: bool = False

    @property
    def schema(self) -> Schema:
        """JSON schema of the field."""
        one = {"enum": list(self.values)}
        if not self.several:
            return one
        return {"type": "array", "minItems": 1, "maxItems": len(self.values), "items": one}

    @property
    def example(self) -> object:
        """The field as the prompt shows it: words side by side, one number of many."""
        if self.several:
            return list(self.values[1:3] or self.values)
        if isinstance(self.values[0], str) and len(self.values) <= MOST_SHOWN:
            return "|".join(self.values)
        return self.values[len(self.values) // 2]


@dataclass(frozen=True)
class Scope:
    """What a claim may speak of.

    Attributes:
        space: of the networks.
        quantities: of the cost, those that the run limits or makes smaller.
        has_parent: the network is a change of one that was trained.
    """

    space: SearchSpace
    quantities: tuple[str, ...]
    has_parent: bool


class Known(NamedTuple):
    """What is known of a network: its cost by formula, and its accuracy once it is trained."""

    cost: AnyCost | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Facts:
    """What a claim is checked against.

    Attributes:
        own: cost and accuracy of the network.
        find_before: looks up the accuracies on validation images of the networks trained before it.
        find_parent: looks up the network that this one changes; None where there is none.
    """

    architecture: AnyArchitecture
    own: Known
    find_before: Callable[[], tuple[float, ...]] = tuple
    find_parent: Callable[[], Known | None] = lambda: None

    @cached_property
    def before(self) -> tuple[float, ...]:
        """Accuracies of the networks trained before it; they are looked up at the first use."""
        return self.find_before()

    @cached_property
    def parent(self) -> Known | None:
        """The network that this one changes; it is looked up at the first use."""
        return self.find_parent()


class Claim(Record, ABC):
    """A sentence about a network that can be checked.

    A subclass is one claim. To define it is enough: the schema, the prompt, the records, the
    checks and the rates find it.

    Attributes:
        claim: its name, a `Literal` with a default.
        meaning: for the prompt, after an example of its JSON.

    Raises:
        ConfigError: where a subclass takes the name of another.
    """

    model_config = ConfigDict(strict=True)  # what a model writes is not coerced

    claim: str
    meaning: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        name = cls.model_fields["claim"].default
        if not isinstance(name, str):
            return  # a base of several claims
        other = _kinds.setdefault(name, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigError(
                f"the claim {name!r} is defined by {other.__module__}.{other.__qualname__} and by "
                f"{cls.__module__}.{cls.__qualname__}; give one of them another name"
            )
        _kinds[name] = cls  # its module may have been loaded again

    @classmethod
    @abstractmethod
    def legal(cls, scope: Scope) -> Mapping[str, Legal] | None:
        """Field -> the values that it may have; None where the claim makes no sense."""

    @abstractmethod
    def words(self) -> str:
        """The claim as a short phrase: ``stride 1 in stages 2 and 3``."""

    @abstractmethod
    def check(self, facts: Facts) -> Finding:
        """Hold it against the facts."""

    @classmethod
    def schema_in(cls, scope: Scope) -> Schema | None:
        """JSON schemas of its fields; None where it makes no sense."""
        fields = cls.legal(scope)
        if fields is None:
            return None
        name = {"const": cls.model_fields["claim"].default}
        return {"claim": name, **{field: legal.schema for field, legal in fields.items()}}

    @classmethod
    def example_in(cls, scope: Scope) -> dict[str, Any] | None:
        """Its JSON as the prompt shows it; None where it makes no sense."""
        fields = cls.legal(scope)
        if fields is None:
            return None
        name = cls.model_fields["claim"].default
        return {"claim": name, **{field: legal.example for field, legal in fields.items()}}


class FormClaim(Claim):
    """A claim on the form of a network of stages; its architecture and its cost decide it."""

    @classmethod
    def legal(cls, scope: Scope) -> Mapping[str, Legal] | None:
        outline = scope.space.outline
        return None if outline is None else cls.legal_in(outline)

    def check(self, facts: Facts) -> Finding:
        if (network := facts.architecture.network) is None:
            return Finding(None, f"{facts.architecture.kind} has no stages")
        return self.check_form(network, facts.own.cost)

    @classmethod
    @abstractmethod
    def legal_in(cls, outline: Outline) -> Mapping[str, Legal] | None:
        """As `legal`, in a space of stages."""

    @abstractmethod
    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        """Hold it against a network of stages."""


def kinds() -> Mapping[str, type[Claim]]:
    """Name -> class of every claim that is defined, in the order of definition."""
    return dict(_kinds)


def read_claim(value: object) -> Claim:
    """Decoded JSON -> the claim that it names.

    Raises:
        ValueError: it names none, or a field of it is not legal.
    """
    if isinstance(value, Claim):
        return value
    name = value.get("claim") if isinstance(value, dict) else None
    kind = _kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"claim={quoted(name)} is unknown; legal are {', '.join(_kinds)}")
    return kind.model_validate(value)


# As records hold it: of whatever class, also of one that is defined later.
AnyClaim = Annotated[SerializeAsAny[Claim], BeforeValidator(read_claim)]
