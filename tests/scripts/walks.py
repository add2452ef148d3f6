"""How far one thing walks through the code: the files that a call visits, and how often it returns.

    python tests/scripts/walks.py Search.run +experiment=quickstart budget.proposals=1
    python tests/scripts/walks.py Report.run resume=FOLDER stages=[report]
    python tests/scripts/walks.py Deployer.deploy resume=FOLDER stages=[deploy]

The first argument names a function. The script follows all that it calls, while the program runs.
The other arguments are what one types after run.py. A way leads from one file to another; each
counts once, however often it is gone. A way into a file that was entered before is a return.
Compare two versions of the code by the same command.
"""

import sys
import threading
from pathlib import Path
from types import FrameType

SOURCE = Path(__file__).parents[2] / "src" / "lmanet"


class Walk:
    """Follows the calls below one function, in all threads."""

    def __init__(self, start: str) -> None:
        self.start = start
        self.depth = 0
        self.here: list[str] = []
        self.edges: dict[tuple[str, str], int] = {}
        self.order: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(str(SOURCE)):
            return
        if code.co_qualname == self.start:
            self.depth += 1 if event == "call" else -1
        if not self.depth:
            return
        file = str(Path(code.co_filename).relative_to(SOURCE))
        if event == "return":
            if self.here:
                self.here.pop()
            return
        before = self.here[-1] if self.here else ""
        self.here.append(file)
        if file not in self.order:
            self.order.append(file)
        if before and before != file:
            self.edges[before, file] = self.edges.get((before, file), 0) + 1

    def report(self) -> str:
        """Files, and ways between two files: each counts once, however often it is gone."""
        entered = len(self.order)
        ways = len(self.edges)
        lines = [
            f"{self.start}: {entered} files, {ways} ways, {ways - entered + 1} of them returns"
        ]
        return "\n".join([*lines, *(f"  {file}" for file in self.order)])


def main() -> None:
    """Run the command in this process, and say where it went."""
    from lmanet.app import main as run

    walk = Walk(sys.argv[1])
    sys.argv[1:] = sys.argv[2:]
    threading.setprofile(walk)
    sys.setprofile(walk)
    try:
        run()
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    print(walk.report())


if __name__ == "__main__":
    main()
