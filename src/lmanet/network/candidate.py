"""Candidate: what a search space proposes, whatever its form."""

from abc import ABC, abstractmethod
from inspect import isabstract
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from lmanet.base import classes_below
from lmanet.errors import ConfigError

if TYPE_CHECKING:
    from lmanet.network.architecture import Architecture


class Candidate(BaseModel, ABC):
    """One proposal of a search space, as a history keeps it: its fields are its JSON.

    A history's line does not name the class. So no two kinds of candidate have the same fields.

    Attributes:
        kind: in words, with its article: ``a cell``.
        instead: what can be done with one that has no network, in words.

    Raises:
        ConfigError: a class is written whose fields are those of another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = "a candidate"
    instead: ClassVar[str] = "can only be scored by a trainer of its own, named by train="

    @property
    @abstractmethod
    def network(self) -> "Architecture | None":
        """The network that it stands for; None where there is none to build."""

    @property
    def text(self) -> str:
        """What two candidates without a network share exactly where they are the same."""
        return self.model_dump_json()

    @classmethod
    def kinds(cls) -> "list[type[Candidate]]":
        """Every kind of candidate of the spaces that are loaded, in the order of their loading."""
        return [each for each in classes_below(cls) if not isabstract(each)]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for other in Candidate.kinds():
            same_name = (other.__module__, other.__qualname__) == (cls.__module__, cls.__qualname__)
            if (
                cls.model_fields
                and not same_name
                and set(other.model_fields) == {*cls.model_fields}
            ):
                raise ConfigError(
                    f"{cls.__module__}.{cls.__qualname__} has the same fields as "
                    f"{other.__module__}.{other.__qualname__}, and a history tells kinds of "
                    "candidate apart by their fields; rename one of them"
                )
