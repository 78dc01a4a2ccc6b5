"""What others load and a night does not use: not loaded until somebody uses it."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.assets.put_off import put_off
from pipelines.assets.storages import NOT_USED

WRITTEN = {
    "heavy/__init__.py": "from heavy.inner import load",
    "heavy/inner.py": "class Settings:\n    n = 3\n\ndef load(n=1):\n    return n + 1",
    "heavy/light.py": "word = 'light'",
    "uses.py": "from heavy import load\nfrom heavy.inner import Settings\nfrom heavy.light import word\n\n"
    "def settle(how: Settings | None = None):\n    return how or word",
}


@pytest.fixture
def uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, text in WRITTEN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("heavy", "heavy.inner", "heavy.light", "uses"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with put_off("heavy", "heavy.inner"):
        import uses  # type: ignore[import-not-found]
    return uses  # type: ignore[no-any-return]


def test_it_is_loaded_when_it_is_used(uses: ModuleType) -> None:
    assert uses.word == uses.settle() == "light" and not {"heavy", "heavy.inner"} & set(sys.modules)
    assert uses.Settings.n == 3 and uses.load(n=4) == 5
    assert {"heavy", "heavy.inner"} < set(sys.modules)
    with put_off("heavy"):
        assert sys.modules["heavy"].load is sys.modules["heavy.inner"].load, "what is loaded stays"


def test_a_night_loads_no_migrations(tmp_path: Path) -> None:
    records = "with run_records(Workspace(Path(sys.argv[1]))) as instance: instance.get_runs()"
    program = f"""
import sys
from pathlib import Path
from pipelines.assets.nightly import run_records
from pipelines.workspace import Workspace
{records}
sys.stdout.write(" ".join(name for name in {NOT_USED} if name in sys.modules))
"""
    loaded = [subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True) for _night in range(2)]
    assert "alembic" in loaded[0].split(), "the first night writes down which the files do not need"
    assert loaded[1] == ""
