from collections.abc import Callable

import pytest

from lmanet.errors import ConfigError
from lmanet.train import Recipe


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"batch_norm_images": -1},
        {"label_smoothing": 1.0},
        {"dropout": -0.1},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(
    setting: dict[str, float], make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(ConfigError, match=rf"{next(iter(setting))}=.*correct the recipe"):
        make_recipe(**setting)
