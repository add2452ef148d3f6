"""Edited: networks that are made when they are looked at."""

from collections.abc import Callable, Sequence
from typing import overload

from lmanet.network.architecture import Architecture

Edit = Callable[[], Architecture]


class Edited(Sequence[Architecture]):
    """The results of edits: a mutation draws one of a hundred, and pays for one.

    Args:
        edits: each makes a network.
    """

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.edits = edits

    def __len__(self) -> int:
        return len(self.edits)

    @overload
    def __getitem__(self, place: int) -> Architecture: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Architecture]: ...

    def __getitem__(self, place: int | slice) -> Architecture | Sequence[Architecture]:
        if isinstance(place, slice):
            return Edited(self.edits[place])
        return self.edits[place]()
