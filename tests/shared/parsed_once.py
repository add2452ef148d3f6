"""Settings parsed once a process and not once a start: two fifths of composing them. Tests start
thousands of times in few processes.
"""

import pickle
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource

SCHEMES = ("file", "pkg")  # of sources that parse files: conf/, and Hydra's own
Load = Callable[[ConfigSource, str], ConfigResult]


def parse_once() -> None:
    """Have Hydra keep what it has parsed; a file that has other content is parsed anew."""
    for source in Plugins.instance().discover(ConfigSource):
        if source.scheme() in SCHEMES and not hasattr(source.load_config, "__wrapped__"):
            source.load_config = _once(source.load_config)


def _once(load: Load) -> Load:
    known: dict[tuple[str, str, str, bytes], bytes] = {}

    @wraps(load)
    def load_config(self: ConfigSource, config_path: str) -> ConfigResult:
        file = Path(self.path, f"{config_path.removesuffix('.yaml')}.yaml")
        content = file.read_bytes() if file.is_file() else b""
        key = (self.provider, self.path, config_path, content)
        if key not in known:
            known[key] = pickle.dumps(load(self, config_path))
        found: ConfigResult = pickle.loads(known[key])  # its own copy: who composes changes it
        return found

    return load_config
