"""Runs a compiler or linker."""

import logging
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lmanet.errors import DeployError, ToolError

log = logging.getLogger(__name__)

TIME_LIMIT_S = 120
LAST_LINES = 12


def run_tool(command: Sequence[str], zig_cache: Path) -> None:
    """Run a compiler or linker; its warnings are logged.

    Args:
        zig_cache: where zig keeps what it makes.

    Raises:
        DeployError: it fails, with its last lines.
        ToolError: it cannot be started, or takes longer than `TIME_LIMIT_S`.
    """
    environment = os.environ | {
        "ZIG_GLOBAL_CACHE_DIR": str(zig_cache),
        "ZIG_LOCAL_CACHE_DIR": str(zig_cache),
    }
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{command[0]} was stopped after {TIME_LIMIT_S} s; its arguments: "
            f"{' '.join(command[1:])}"
        ) from error
    except OSError as error:
        raise ToolError(
            f"{command[0]} cannot be started ({error.strerror}); install it anew, or take another "
            "toolchain (conf/deploy)"
        ) from error
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        raise DeployError(
            f"{command[0]} failed with status {done.returncode}; its last words:\n{words}"
        )
    if done.stderr:
        log.warning("%s: %s", command[0], done.stderr.strip())
