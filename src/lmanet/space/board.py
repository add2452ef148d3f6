"""A contiguous piece of a microcontroller's memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """Addresses that follow each other, so that one array may span them.

    Attributes:
        name: as in the part's reference manual.
        address: of the first byte.
        bytes: its size.
    """

    name: str
    address: int
    bytes: int
