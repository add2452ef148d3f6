"""What a user does wrong ends in one clear sentence and an exit code that is not 0, and loses
nothing.
"""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # runs whole searches

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["+experiment=smoke", "propose.colour=red"],
            "unknown setting propose.colour; legal are propose.feasible_draws (conf/propose)",
        ),
        (["+experiment=smoke", "+propose.colour=red"], "unknown setting propose.colour; legal are"),
        (["+experiment=smoke", "+colour=red"], "unknown setting colour; legal are"),
        (
            ["+experiment=nonsense"],
            "experiment=nonsense: there is no such option; legal are baseline_search, ",
        ),
        (["+experiment=smoke", "stages=[serach]"], "unknown stage serach; did you mean search?"),
        (
            ["+experiment=smoke", "space.name=nonsense"],
            "space 'nonsense' is neither one of lmanet, mcu nor a file",
        ),
        (
            ["+experiment=smoke", "arch=nonsense", "stages=[train]"],
            "architecture 'nonsense' is neither one of cifar100_record",
        ),
        (["+experiment=smoke", "data=image_folder", "data.root=empty"], "empty"),
        (
            ["+experiment=smoke", "data=image_folder"],
            "error: data.root is not set, and names the folder of your images",
        ),
        (["+experiment=smoke", "data=cifar100", "data.archive=missing.npz"], "missing.npz"),
        (
            ["stages=[evaluate]", "arch=lmanet_elite", "checkpoint=missing.pth", "data=mnist5k"],
            "no checkpoint at missing.pth; name a file that is there",
        ),
        (["stages=[compare]"], "runs is not set; name a folder of searches"),
        (["stages=[compare]", "runs=nowhere"], "runs=nowhere: no search there or below"),
        (["resume=nowhere"], "resume=nowhere: no run there"),
        (
            ["+experiment=smoke", "stages=[deploy]"],
            (
                "there is no trained network (full.jsonl, distill.jsonl) to deploy yet; run the "
                "stage train first"
            ),
        ),
        (
            ["+experiment=smoke", "stages=[deploy]", "deploy.settings.toolchain=tcc"],
            "toolchain='tcc' is unknown; legal are zig, gcc",
        ),
        (
            ["+experiment=smoke", "target.runtime=tflm", "pareto=accuracy_latency_sram"],
            "known for target.runtime=c_static alone",
        ),
    ],
)
def test_one_sentence(typed, tmp_path: Path, arguments: list[str], says: str):
    (tmp_path / "empty").mkdir()
    code, _, error = typed(*arguments)
    assert code != 0
    assert says in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1, error
    assert [path.name for path in tmp_path.iterdir()] == ["empty"], (
        "nothing is left of a start that was refused"
    )


def test_the_script_says_it_too(tmp_path: Path):
    """In a process of its own, as it is typed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "resume=nowhere"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert (
        done.returncode == 1
        and done.stderr.startswith("error: resume=nowhere: no run there")
        and not list(tmp_path.iterdir())
    )


def test_a_start_that_is_refused_has_not_imported_torch(tmp_path: Path):
    code = (
        "import sys\nfrom lmanet.app import main\ntry:\n    main()\nfinally:\n    assert 'torch' "
        "not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "+experiment=smoke", "budget.trained=two"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode == 1 and done.stderr.startswith("error: budget.trained=two"), done.stderr


def test_no_endpoint_is_said_before_the_run_and_leaves_nothing(typed, tmp_path: Path):
    arguments = [
        "+experiment=smoke",
        "propose=llm",
        "propose.model=m",
        "propose.server.base_url=http://127.0.0.1:9/v1",
    ]
    code, _, error = typed(*arguments)
    assert (
        code == 1
        and "no server answers at http://127.0.0.1:9/v1" in error
        and "Traceback" not in error
    )
    assert not list(tmp_path.iterdir()), "a dead endpoint makes no trial"


def test_an_unreadable_history_line_is_named_and_nothing_changes(typed, tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "history.jsonl").write_text('{"number": 0, "status": "shiny"}\n')
    code, _, error = typed("+experiment=smoke", f"hydra.run.dir={folder}")
    assert code == 1 and "history.jsonl, line 1 holds no Trial" in error
    assert (folder / "history.jsonl").read_text() == '{"number": 0, "status": "shiny"}\n'


class RefusingServer(BaseHTTPRequestHandler):
    """Stands in for a paid endpoint that does not know the key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = (
            b'{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}}'
        )
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_wrong_api_key_ends_the_run_and_is_not_printed(
    typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MY_KEY", "secret-123")
    with ThreadingHTTPServer(("127.0.0.1", 0), RefusingServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        arguments = [
            "+experiment=smoke",
            "propose=llm",
            "propose.model=m",
            f"propose.server.base_url={url}",
        ]
        code, _, error = typed(*arguments, "propose.server.api_key_env=MY_KEY")
        server.shutdown()
    assert code == 1 and "refuses the API key (401)" in error and "Traceback" not in error
    assert (
        not any(
            b"secret-123" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
        )
        and "secret-123" not in error
    )
