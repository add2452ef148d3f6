"""The front end of audio: sound -> features, by the C that also runs on the board."""

from lmanet.sound.front_end import FrontEnd

__all__ = ["FrontEnd"]
