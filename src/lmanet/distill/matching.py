"""Tensors of a file -> those of a model: by name, or in order where the names are others."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

COUNTER = "num_batches_tracked"  # of batch norm: of no use to a teacher, and absent from old files
Tensors = Mapping[str, Tensor]
Heads = tuple[str, ...]


class Match(NamedTuple):
    """What a file holds for a model.

    Attributes:
        tensors: by the model's names; without the classifier where that has another width.
        fitted: the classifier is among them.
        renamed: a name in the file and the model's for it, where tensors were taken in order.
    """

    tensors: dict[str, Tensor]
    fitted: bool
    renamed: tuple[str, str] | None = None


def match(wanted: Tensors, given: Tensors, heads: Heads) -> Match | None:
    """The tensors of a file for a model: by name, else in order; None where neither fits.

    Args:
        wanted, given: state dicts of the model and of the file.
        heads: prefixes of the classifier's names, whose width may differ.
    """
    if not differences(wanted, given, heads):
        return _match(wanted, given, heads)
    pairs = _in_order(wanted, given, heads)
    if pairs is None:
        return None
    other = next((theirs, own) for own, theirs in pairs.items() if own != theirs)
    found = _match(wanted, {own: given[theirs] for own, theirs in pairs.items()}, heads)
    return found._replace(renamed=other)


def differences(wanted: Tensors, given: Tensors, heads: Heads) -> list[str]:
    """Names that only one of both has, or whose shapes differ; the classifier's are left out."""
    alone = {name for name in wanted.keys() ^ given.keys() if _kind(name) != COUNTER}
    both = wanted.keys() & given.keys()
    unlike = {name for name in both if wanted[name].shape != given[name].shape}
    return sorted(name for name in alone | unlike if not name.startswith(heads))


def _match(wanted: Tensors, given: Tensors, heads: Heads) -> Match:
    head = {name for name in wanted if name.startswith(heads)}
    fitted = all(name in given and given[name].shape == wanted[name].shape for name in head)
    kept = {name: each for name, each in given.items() if fitted or not name.startswith(heads)}
    return Match(kept, fitted)


def _in_order(wanted: Tensors, given: Tensors, heads: Heads) -> dict[str, str] | None:
    """The model's name -> the file's, each in turn.

    Only where both list as many, each pair has one kind and one shape, and a name that both have
    means the same: else an order that happens to fit would give wrong weights in silence.
    """
    own, theirs = ([name for name in each if _kind(name) != COUNTER] for each in (wanted, given))
    if len(own) != len(theirs):
        return None
    for name, other in zip(own, theirs, strict=True):
        is_head = name.startswith(heads)
        shapes = [
            each.shape[1:] if is_head else each.shape for each in (wanted[name], given[other])
        ]
        elsewhere = other != name and (other in wanted or name in given)
        if shapes[0] != shapes[1] or _kind(name) != _kind(other) or elsewhere:
            return None
    return dict(zip(own, theirs, strict=True))


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
