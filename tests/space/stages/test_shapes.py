"""A space for images of the data's shape."""

import json

import numpy as np
import pytest

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.space import architecture_id, load_space

CHOICES = {"resolution": [24, 30, 48]}


def test_every_network_of_a_space_reads_the_aspect_of_the_data():
    space = load_space("mcu", CHOICES).reading((1, 60, 80), resizable=True)
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(20)]
    assert {each.input_shape for each in drawn} == {(1, 24, 32), (1, 30, 40), (1, 48, 64)}
    assert all(space.contains(each) for each in drawn)
    around = {each.input_shape for each in space.neighbours(drawn[0])}
    assert around == {(1, 24, 32), (1, 30, 40), (1, 48, 64)}


def test_a_signal_has_one_length():
    space = load_space("mcu", CHOICES).reading((6, 1, 100), resizable=False)
    assert space.resolution == (1,) and "resolution" not in space.json_schema()["properties"]
    assert space.sample(np.random.default_rng(0)).input_shape == (6, 1, 100)


def test_a_proposal_says_nothing_of_width_and_channels():
    space = load_space("mcu", CHOICES).reading((1, 60, 80), resizable=True)
    network = space.sample(np.random.default_rng(1))
    for form in ("lines", "json"):
        written = space.write_proposal(network, form)
        assert "width" not in written and "input_channels" not in written
    read = space.parse(json.loads(space.write_proposal(network)))
    assert architecture_id(read) == architecture_id(network)
    assert space.unflatten(space.flatten(network)) == network


def test_a_network_of_another_input_is_outside():
    space = load_space("mcu", CHOICES).reading((1, 60, 80), resizable=True)
    other = load_space("mcu", {"resolution": [30]}).sample(np.random.default_rng(0))
    assert space.violations(other) == [
        "input_channels: 3, and the data ask for 1",
        "width: None, and the data ask for 40",
    ]
    with pytest.raises(ArchitectureError, match="the data ask for 40"):
        space.parse({**other.model_dump(mode="json"), "input_channels": 1, "width": 41})


def test_square_pictures_in_colour_change_no_space():
    space = load_space("mcu", CHOICES)
    assert space.reading((3, 160, 160), resizable=True) == space


def test_windows_that_no_network_reads_are_refused():
    with pytest.raises(ConfigError, match=r"no network that reads 1 x 1 x 20000 values"):
        load_space("mcu").reading((1, 1, 20000), resizable=False)
