import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # builds a wheel

ROOT = Path(__file__).parents[2]
USE = """
import sys, lmanet
assert lmanet.__file__.startswith(sys.argv[1]), lmanet.__file__
for name in ("lmanet", "mcu"):
    lmanet.load_space(name)
assert lmanet.load_target("stm32h743").limits["peak_sram_bytes"] == 327680
for name in ("lmanet_elite", "lmanet_core", "qwnet_core"):
    print(lmanet.estimate(lmanet.load_architecture(name), num_classes=100).params)
assert "torch" not in sys.modules
"""


def test_spaces_and_architectures_come_with_the_wheel(tmp_path: Path):
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("lmanet-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", USE, str(site)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.stdout.split() == ["497997", "453220", "154749"]
    texts = {
        path.suffix for path in site.rglob("*") if path.is_file() and "dist-info" not in str(path)
    }
    assert ".yaml" in texts and ".txt" in texts, "spaces and prompts are package data"
    sources = {
        path.relative_to(ROOT / "src")
        for path in (ROOT / "src/lmanet/deploy/c").rglob("*")
        if path.is_file()
    }
    assert sources and all((site / source).is_file() for source in sources), (
        "kernels, start-up code and templates of firmware are too"
    )
