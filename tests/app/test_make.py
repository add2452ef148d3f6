"""What a group of ``conf/`` builds: a setting that does not fit is named, and an error of the code
itself shows as what it is.
"""

import sys
from types import ModuleType

import pytest
from omegaconf import OmegaConf

from lmanet.app.compose import make
from lmanet.errors import ConfigError


class Thing:
    """Takes one setting, and one part that another group made."""

    def __init__(self, size: int, data: object) -> None:
        if size < 0:
            raise ConfigError(f"size={size}: at least 0")
        self.size, self.data = size, len(data)


@pytest.fixture
def group(monkeypatch):
    module = ModuleType("things")
    module.Thing = Thing
    monkeypatch.setitem(sys.modules, "things", module)
    return lambda **settings: OmegaConf.create({"_target_": "things.Thing", **settings})


def test_settings_and_parts_come_together(group):
    made = make(group(size=2), data=[1, 2, 3])
    assert (made.size, made.data) == (2, 3)


@pytest.mark.parametrize(("settings", "fault"), [({"size": 1, "sise": 2}, "sise"), ({}, "size")])
def test_a_setting_that_the_constructor_does_not_take_is_named(group, settings, fault):
    with pytest.raises(ConfigError, match=rf"things\.Thing does not take .*'{fault}'"):
        make(group(**settings), data=[])


def test_a_type_error_of_the_code_itself_shows(group):
    with pytest.raises(TypeError, match="has no len"):
        make(group(size=2), data=5)


def test_an_error_of_the_constructor_comes_as_it_is(group):
    with pytest.raises(ConfigError, match=r"^size=-1: at least 0$"):
        make(group(size=-1), data=[])
