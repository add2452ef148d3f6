"""Weights of a network that was trained on other images, for one that begins on few of its own."""

from collections.abc import Sequence
from copy import deepcopy

import torch

from lmanet.network.build import Network
from lmanet.network.inherit import inherit
from lmanet.network.weights import Checkpoint

CLASSIFIER = "linear.linear"


def start_from(network: Network, donor: Checkpoint, classes: Sequence[str]) -> float:
    """Overwrite freshly drawn weights by a donor's wherever their shapes overlap, as `inherit`
    does; of its classifier only the rows of classes that both know by name are taken.

    Args:
        classes: of ``network``, in the order of its logits.

    Returns:
        The share of the network's weights that are the donor's, 0 to 1.
    """
    given_network = _reading_as(network, donor.network)
    linear = network[-1].get_submodule(CLASSIFIER)
    fresh = {name: values.clone() for name, values in linear.named_parameters()}
    share = inherit(network, given_network)
    rows = {name: row for row, name in enumerate(donor.classes)}
    shared = [place for place, name in enumerate(classes) if name in rows]
    places = torch.tensor(shared, dtype=torch.long)
    origins = torch.tensor([rows[classes[place]] for place in shared], dtype=torch.long)
    given = dict(donor.network[-1].get_submodule(CLASSIFIER).named_parameters())
    lost = 0
    with torch.no_grad():
        for name, values in linear.named_parameters():
            written = min(len(values), len(given[name])) * _width(values, given[name])
            values.copy_(fresh[name])
            width = _width(values, given[name])
            if values.ndim == 1:
                values[places] = given[name][origins]
            else:
                values[places, :width] = given[name][origins, :width]
                values[places, width:] = 0  # as `inherit` does with channels that were not there
            lost += written - len(places) * width
    return share - lost / sum(weights.numel() for weights in network.parameters())


def _reading_as(network: Network, donor: Network) -> Network:
    """The donor, which reads colours, for a network that reads grey: grey is the same in all three
    channels, so the weights of a first convolution over them add up.
    """
    if (network.architecture.input_channels, donor.architecture.input_channels) != (1, 3):
        return donor
    reading = deepcopy(donor)
    first = next(values for values in reading.parameters() if values.ndim == 4)
    with torch.no_grad():
        if first.shape[1] == 3:  # a depthwise one has a kernel a channel
            first[:, 0] = first.sum(1)
    return reading


def _width(new: torch.Tensor, old: torch.Tensor) -> int:
    """Values of a row that both have."""
    return 1 if new.ndim == 1 else min(new.shape[1], old.shape[1])
