"""Starts runs in processes of their own, without the seconds that each would take to import
everything: one JSON object a line, {"start": arguments, ...} -> a process id, {"wait": id} -> its
end.

Each run is a child that was forked before anything was done, with ``run.py``'s own `main`.
"""

import gc
import importlib
import json
import os
import resource
import sys
import traceback
from pathlib import Path

from parsed_once import parse_once

IMPORTED = (
    "hydra",
    "lightning",
    "optuna",
    "torchvision.transforms.v2",
    "lmanet.app",
    "lmanet.data",
    "lmanet.deploy",
    "lmanet.distill",
    "lmanet.execute",
    "lmanet.explain.examine",
    "lmanet.feedback",
    "lmanet.pareto",
    "lmanet.promote",
    "lmanet.propose",
    "lmanet.release",
    "lmanet.track",
    "lmanet.train.lookup.table",
    "lmanet.validate",
)


def run(arguments: list[str], folder: str, output: str, environment: dict[str, str]) -> int:
    os.setpgid(0, 0)  # a group of its own, as a shell gives each job
    if most := environment.pop("MOST_FILE_BYTES", ""):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    os.chdir(folder)
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["run.py", *arguments]
    try:
        importlib.import_module("lmanet.app").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    parse_once()
    importlib.import_module("lmanet.app.compose").compose(["+experiment=smoke"])  # its plugins, too
    gc.freeze()  # a collection in a child would look through, and copy, all that was imported
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        elif answer := os.fork():
            pass
        else:
            code = run(asked["start"], asked["folder"], asked["output"], asked["environment"])
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2] / "src")]
    main()
