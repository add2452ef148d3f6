"""What deployment must know of a board; `lmanet.validate.Target` is one."""

from typing import Protocol

from lmanet.deploy.firmware import Part
from lmanet.space import CStaticOptions, Runtime


class Board(Part, Protocol):
    """A microcontroller on a board, and how networks are to run on it."""

    @property
    def clock_mhz(self) -> int:
        """Of the core."""

    @property
    def runtime(self) -> Runtime:
        """Whose memory is counted."""

    @property
    def c_options(self) -> CStaticOptions:
        """What the generated C does to save memory."""
