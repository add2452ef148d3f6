"""The Python of the pages runs, as it stands, and gives what the pages say."""

import re
import subprocess
import sys
from pathlib import Path

import pages
import pytest

import lmanet
from lmanet.network.weights import Checkpoint

pytestmark = pytest.mark.slow  # deploys

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)
# Page -> what must hold after its blocks.
CHECKS = {
    "docs/record/README.md": """
assert best.network.num_classes == len(best.classes) == 100 and best.mean and best.std
""",
    "README.md": """
assert cost.macs == 81963264 and net and best.classes == ("cat", "dog")
""",
    "docs/how-to/use-from-python.md": """
assert cost.macs == 81963264 and net and space.name == "lmanet" and space.contains(drawn)
assert best.classes == ("cat", "dog") and best.network.num_classes == 2 and best.mean and best.std
assert cost.params and cost.flash_bytes and cost.peak_operator
assert measured.measured_bss_bytes == cost.peak_sram_bytes == deployed.cost.peak_sram_bytes
assert measured.measured_flash_bytes and measured.measured_instructions and 0 <= agreement <= 1
from pathlib import Path
assert {path.name for path in Path("elite").iterdir()} >= {"model_int8.tflite", "c", "firmware"}
""",
}


@pytest.mark.parametrize("page", sorted(CHECKS))
def test_the_python_of_a_page_runs(page: str, tmp_path: Path):
    trained = lmanet.build(lmanet.load_architecture("lmanet_core"), num_classes=2)
    checkpoint = Checkpoint(trained, ("cat", "dog"), (0.5,) * 3, (0.5,) * 3)
    lmanet.save_network(tmp_path / "student.ckpt", checkpoint)
    code = "".join(BLOCK.findall((ROOT / page).read_text(encoding="utf-8")))
    subprocess.run([sys.executable, "-c", code + CHECKS[page]], check=True, cwd=tmp_path)


def test_no_page_has_python_that_is_not_run():
    with_python = {
        page
        for page in pages.PAGES
        if BLOCK.search((ROOT / page).read_text(encoding="utf-8")) and "/how-to/" not in page
    }
    assert with_python == {page for page in CHECKS if "/how-to/" not in page}


def test_every_name_that_a_page_takes_from_the_package_is_there():
    for page in pages.PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        names = set(re.findall(r"\blmanet\.([a-z_]+)\(", text))
        assert all(hasattr(lmanet, name) for name in names), (page, names)
