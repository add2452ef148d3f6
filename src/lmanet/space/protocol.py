"""SearchSpace: all that the program knows of a search space."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from lmanet.cost.candidate_cost import CandidateCost
from lmanet.cost.estimate import Cost
from lmanet.errors import ArchitectureError
from lmanet.network.architecture import explain_validation, join_faults, quoted
from lmanet.network.candidate import Candidate
from lmanet.network.operators import Shape
from lmanet.space.describe import Form, alternatives, assignments, object_schema, outside
from lmanet.space.forms import TableCandidate, architecture_id

Value = bool | int | float | str
MUTATION_DRAWS = 1000
MOST_AROUND = 256  # candidates whose neighbours are kept
# The beginning of the prompt, for spaces that bring no own.
DESIGN = """\
You design convolutional networks.

Task: propose networks that classify the images as accurately as possible and keep every limit.
Images: $images.
Network input: RGB$pixels. Classes: $classes.
Limits:
$limits

${guidance}A network is one JSON object. Use only the values listed:
$space

Example of the form. This network keeps every limit ($example_cost):
$example"""


class Outline(NamedTuple):
    """What networks of stages may have, for claims on their form.

    Attributes:
        num_stages: the most that a network may have.
        parts: names of all parts in their order, as the cost of a part bears them.
        stage_fields: field of a stage -> legal values.
    """

    num_stages: int
    parts: tuple[str, ...]
    stage_fields: Mapping[str, tuple[Value, ...]]


class SearchSpace(BaseModel, ABC):
    """Which candidates may be proposed: it draws, changes, checks, reads and writes them.

    A space states its kind of candidate and its `choices`. All else has a default, for candidates
    whose fields are these choices, with every combination legal. Other spaces override more.

    Attributes:
        candidate_type: what it proposes.
        small_change: what to change of a network that was proposed before, in words.
        is_closed: each neighbour of a legal candidate is legal, so that none need be checked; a
            subclass states it anew.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate_type: ClassVar[type[Candidate]]
    small_change: ClassVar[str] = "one of its fields"
    is_closed: ClassVar[bool] = False

    name: str

    @abstractmethod
    def choices(self) -> Mapping[str, tuple[Value, ...]]:
        """Name -> legal values of every choice, as classical searchers see the space."""

    @property
    def size(self) -> int:
        """Number of candidates; several may be one network (see `architecture_id`)."""
        return prod(map(len, self.choices().values()))

    @property
    def has_networks(self) -> bool:
        """Whether its candidates can be built, trained, deployed and drawn."""
        return not issubclass(self.candidate_type, TableCandidate)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the quantities that the cost of its candidates may know."""
        kind = self.candidate_type
        known: type[CandidateCost] = kind.cost_type if issubclass(kind, TableCandidate) else Cost
        return known.names()

    def reading(self, shape: Shape, resizable: bool) -> "SearchSpace":
        """The same space for images of this shape; by default it is one for all.

        Args:
            resizable: whether a network may read the images in another size.

        Raises:
            ConfigError: no network of this space reads such images.
        """
        return self

    # Drawing and changing.

    def sample(self, rng: np.random.Generator) -> Candidate:
        """Draw every choice uniformly and independently."""
        return self.unflatten(
            {name: legal[int(rng.integers(len(legal)))] for name, legal in self.choices().items()}
        )

    def neighbours(self, candidate: Candidate) -> Iterator[Candidate]:
        """Every candidate with one change; some may be the same network in other words."""
        values = self.flatten(candidate)
        for name, legal in self.choices().items():
            for other in legal:
                if other != values[name]:
                    yield self.unflatten({**values, name: other})

    def mutate(self, candidate: Candidate, rng: np.random.Generator) -> Candidate:
        """One change, drawn from the neighbours; the result is another network.

        Raises:
            ArchitectureError: the space holds no other network near this one.
        """
        around = self._legal_around(candidate)
        for _ in range(MUTATION_DRAWS if around else 0):
            mutant = around[int(rng.integers(len(around)))]
            if architecture_id(mutant) != architecture_id(candidate):
                return mutant
        raise ArchitectureError(
            f"no other network of the space {self.name} is one change away from "
            f"{architecture_id(candidate)}"
        )

    def around(self, candidate: Candidate) -> Sequence[Candidate]:
        """Its neighbours in their order; a space may make each when it is looked at."""
        return [*self.neighbours(candidate)]

    def _legal_around(self, candidate: Candidate) -> Sequence[Candidate]:
        """Its neighbours in the space; those of the last are kept, as a search changes the same
        good networks again and again.
        """
        found = self._around.pop(candidate, None)
        if found is None:
            stated = vars(type(self)).get("is_closed", False)  # a subclass may legalise less
            found = self.around(candidate)
            if not (stated and self.contains(candidate)):
                found = [each for each in found if self.contains(each)]
        self._around[candidate] = found
        if len(self._around) > MOST_AROUND:
            del self._around[next(iter(self._around))]
        return found

    @cached_property
    def _around(self) -> dict[Candidate, Sequence[Candidate]]:
        return {}

    # Checking.

    def contains(self, candidate: Candidate) -> bool:
        """Whether it may be proposed."""
        return not self.violations(candidate)

    def violations(self, candidate: Candidate) -> list[str]:
        """One clause for every choice that is not legal: where, what was given, what is legal."""
        if not isinstance(candidate, self.candidate_type):
            return [f"{candidate.kind}, not {self.candidate_type.kind}"]
        values, choices = self.flatten(candidate), self.choices()
        return [
            outside(name, values[name], legal)
            for name, legal in choices.items()
            if _legal(values[name], legal) is None
        ]

    def require_kind(self, candidate: Candidate) -> None:
        """Raises `ArchitectureError` where it is of another space's kind."""
        if not isinstance(candidate, self.candidate_type):
            raise ArchitectureError(
                f"outside the space {self.name}: {self.violations(candidate)[0]}"
            )

    # Reading and writing.

    @property
    def marks(self) -> tuple[str, ...]:
        """Keys of which a JSON object that is meant as a proposal has at least one."""
        return tuple(self.choices())

    def parse(self, data: object) -> Candidate:
        """Decoded JSON of a proposal -> candidate of this space.

        Raises:
            ArchitectureError: with every choice that is missing, unknown or not legal.
        """
        if not isinstance(data, dict):
            raise ArchitectureError(
                f"not {self.candidate_type.kind}: {quoted(data)} is no JSON object with the keys "
                f"{', '.join(self.choices())}"
            )
        candidate = self.unflatten(data)
        if reasons := self.violations(candidate):
            raise ArchitectureError(f"outside the space {self.name}: {join_faults(reasons)}")
        return candidate

    def flatten(self, candidate: Candidate) -> dict[str, Value]:
        """The value of every choice that is active in the candidate."""
        self.require_kind(candidate)
        return {name: getattr(candidate, name) for name in self.choices()}

    def unflatten(self, values: Mapping[str, Value]) -> Candidate:
        """The inverse of `flatten`.

        Raises:
            ArchitectureError: a choice is missing, unknown or not legal.
        """
        choices = self.choices()
        faults = [f"{name} missing" for name in choices if name not in values]
        faults += [
            f"{quoted(name, 20)} is no field, legal are {', '.join(choices)}"
            for name in values
            if name not in choices
        ]
        found = {name: _legal(values[name], choices[name]) for name in choices if name in values}
        faults += [
            outside(name, quoted(values[name], 40), choices[name])
            for name, value in found.items()
            if value is None
        ]
        if faults:
            raise ArchitectureError(f"not {self.candidate_type.kind}: {join_faults(faults)}")
        try:
            return self.candidate_type.model_validate(found)
        except ValidationError as error:
            raise ArchitectureError(
                f"not {self.candidate_type.kind}: {explain_validation(error)}"
            ) from error

    def json_schema(self, form: Form = "lines") -> dict[str, Any]:
        """JSON schema of a proposal, for constrained decoding."""
        return object_schema({name: {"enum": [*legal]} for name, legal in self.choices().items()})

    def describe(self, form: Form = "lines") -> str:
        """The space as lines of text: each choice with its legal values."""
        return "\n".join(f"{name}: {alternatives(legal)}" for name, legal in self.choices().items())

    def write_proposal(self, candidate: Candidate, form: Form = "lines") -> str:
        """One line of JSON as a model of this space would write it: the inverse of `parse`, in the
        order of `json_schema`.
        """
        return json.dumps(self.write_choices(candidate), separators=(",", ":"))

    def write_choices(self, candidate: Candidate) -> dict[str, Value]:
        """The choices of a candidate by name, as a prompt writes them."""
        return self.flatten(candidate)

    def changes(self, before: Candidate, after: Candidate) -> dict[str, Value]:
        """Choice -> new value, for every choice that ``after`` has and ``before`` has not so."""
        return changed(self.write_choices(before), self.write_choices(after))

    def change_text(self, before: Candidate, after: Candidate) -> str:
        """The changes in words: ``kernel=5``."""
        return assignments(self.changes(before, after))

    # What a model is told.

    @property
    def design(self) -> str:
        """The beginning of the prompt. The run fills in ``$images``, ``$input``, ``$pixels``,
        ``$classes``, ``$limits``, ``$guidance``, ``$space``, ``$example`` and ``$example_cost``.
        """
        return DESIGN

    @property
    def guidance(self) -> str:
        """How such networks are designed well, as far as people know; empty is nothing."""
        return ""

    @property
    def image_sizes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths that the networks take, pixels; empty where that is not known."""
        return ()

    @property
    def channels(self) -> int:
        """Of the input that the networks take."""
        return 3

    @property
    def outline(self) -> Outline | None:
        """What may be claimed of a network's stages; None where there are none."""
        return None

    def coverage(self) -> Sequence[tuple[str, Sequence[Value]]]:
        """Name and legal values of all that should be tried at least once."""
        return list(self.choices().items())

    def covered(self, candidate: Candidate) -> Sequence[tuple[str, object]]:
        """Name and value of all that a candidate tries; the names are those of `coverage`."""
        return list(self.write_choices(candidate).items())


def changed(before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, Value]:
    """Choice -> new value, for every choice that is written so ``after`` and not ``before``."""
    return {name: value for name, value in after.items() if before.get(name) != value}


def _legal(value: object, legal: Sequence[Value]) -> Value | None:
    """The legal value that is meant, as JSON knows values: 1.0 is 1, and true is not."""
    for each in legal:
        if isinstance(each, bool) == isinstance(value, bool) and each == value:
            return each
    return None
