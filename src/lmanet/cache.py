"""The user's cache: what is the same in every run on this machine."""

from pathlib import Path

from platformdirs import user_cache_path

from lmanet.errors import ConfigError


def cache_folder(name: str) -> Path:
    """A folder in the user's cache, such as ``~/.cache/lmanet/NAME``, made where it is not.

    Raises:
        ConfigError: it cannot be made.
    """
    folder = user_cache_path("lmanet") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror}); it keeps what every "
            "run can use again: set XDG_CACHE_HOME"
        ) from error
    return folder
