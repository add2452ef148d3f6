"""docs/tutorials/quickstart.ipynb runs from its first cell to its last, only shorter."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow  # runs a whole quickstart

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorials" / "quickstart.ipynb"
SMALL = [
    "budget.trained=1",
    "propose.prompt.rationale=false",
    "train.mini.recipe.epochs=1",
    "data.split.max_train_images=400",
    "train.full.recipe.epochs=1",
    "stages=[search,train,report]",
]


# The kernel's own libraries, not ours.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    notebook.cells = [each for each in notebook.cells if "install" not in _tags(each)]
    (settings,) = (each for each in notebook.cells if "settings" in _tags(each))
    settings.source = f"SETTINGS = {SMALL}"
    NotebookClient(
        notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert "bytes of SRAM" in shown and "report.html" in shown and "Next: python -m lmanet" in shown


def test_the_notebook_is_stored_without_what_a_run_printed():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(each.get("outputs") for each in notebook.cells)


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", ()))
