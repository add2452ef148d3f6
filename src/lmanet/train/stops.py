"""Where a training may stop to be taken up again."""

from lmanet.errors import ConfigError


def require_a_stop_before_the_end(epochs: int, end: int) -> None:
    """Raises `ConfigError` where a training of ``end`` epochs would not be over after ``epochs``:
    it would count as paused for ever.
    """
    if epochs >= end:
        raise ConfigError(
            f"promote.rungs: a candidate cannot pause after {epochs} epochs, as its "
            f"training ends after {end}; "
            "give fewer (conf/promote/halving.yaml), or a longer recipe (conf/train)"
        )
