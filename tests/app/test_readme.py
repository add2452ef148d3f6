import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path: Path):
    code = "".join(re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL))
    check = "\nassert cost.macs == 81963264 and net and space.name == 'lmanet'\n"
    check += "assert measured.measured_bss_bytes == cost.peak_sram_bytes == deployed.cost.peak_sram_bytes\n"
    subprocess.run([sys.executable, "-c", code + check], check=True, cwd=tmp_path)
    assert {path.name for path in (tmp_path / "elite").iterdir()} >= {"model_int8.tflite", "c", "firmware"}


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_command_of_the_readme_names_existing_options():
    for group, option in re.findall(r"[+`](experiment|ablation|deploy|validate|track|pareto)=([a-z0-9_,]+)", README):
        for name in option.split(","):
            assert (ROOT / "conf" / group / f"{name}.yaml").exists(), name
