"""Classes by name: what each logit of a network means to a data set; the one place where the two
are compared.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lmanet.base import Notice
from lmanet.errors import ConfigError, first_of

SHOWN = 3  # names in a message


class ClassNames(NamedTuple):
    """Names of classes in their order, and whose they are.

    Attributes:
        owner: in words, for a message: a data set's name, or a file.
    """

    owner: str
    names: Sequence[str]

    @property
    def are_numbers(self) -> bool:
        """0, 1, 2 ... in this order, which is how classes without names are kept."""
        return list(self.names) == [str(number) for number in range(len(self.names))]


class Match(NamedTuple):
    """How the classes of a network meet those of a data set.

    Attributes:
        places: for each class of the data, the logit that stands for it.
        notices: where they could not be compared by name.
    """

    places: tuple[int, ...]
    notices: tuple[Notice, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Both have one order."""
        return self.places == tuple(range(len(self.places)))


def match_classes(network: ClassNames, data: ClassNames) -> Match:
    """Find each class of the data among the network's by name; where either has only numbers, by
    its place.

    Raises:
        ConfigError: they tell other classes apart.
    """
    trained, given = list(network.names), list(data.names)
    if len(trained) != len(given):
        raise ConfigError(
            f"{network.owner} tells {len(trained)} classes apart, {data.owner} has {len(given)}; "
            "choose its data="
        )
    in_place = tuple(range(len(given)))
    if trained == given:
        return Match(in_place)
    if sorted(trained) == sorted(given) and len(set(given)) == len(given):
        return Match(tuple(trained.index(name) for name in given))
    if (network.are_numbers or data.are_numbers) and not set(trained) & set(given):
        nameless, named = (network, data) if network.are_numbers else (data, network)
        text = (
            f"{nameless.owner} has no names of classes, so their order could not be compared: it "
            f"was taken to be that of {named.owner} ({_list(list(named.names))})"
        )
        return Match(in_place, (Notice(kind="unnamed_classes", text=text),))
    only_trained = [name for name in trained if name not in given]
    only_given = [name for name in given if name not in trained]
    raise ConfigError(
        f"{network.owner} was trained on other classes than {data.owner} has: "
        f"{_list(only_trained)} there, {_list(only_given)} here; choose its data=, or give the "
        "classes the names that they had"
    )


def require_same_order(network: ClassNames, data: ClassNames) -> tuple[Notice, ...]:
    """As `match_classes`, for files that bear the network's labels beside figures of the data.

    Raises:
        ConfigError: they tell other classes apart, or have them in another order.
    """
    match = match_classes(network, data)
    if not match.is_identity:
        raise ConfigError(
            f"{network.owner} has its classes in another order ({_list(list(network.names))}) than "
            f"{data.owner} ({_list(list(data.names))}); choose its data=, or train a network on "
            "these"
        )
    return match.notices


def _list(names: Sequence[str]) -> str:
    return first_of(names, SHOWN) if names else "none"
