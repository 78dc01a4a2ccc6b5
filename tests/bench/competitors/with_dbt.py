"""dbt-duckdb: the project in `dbt/`, run by the dbt of an environment of its own (`make bench` makes it)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).with_name("dbt")
DBT = Path(".venv-dbt/bin/dbt").absolute()


def run(site_folder: str, result_folder: str, as_of: str) -> None:
    given = {"SITE_FOLDER": site_folder, "RESULT_FOLDER": result_folder, "AS_OF": as_of, "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory() as aside:
        paths = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", aside]
        subprocess.run([DBT, "--log-path", aside, "build", *paths], env=os.environ | given, check=True)


if __name__ == "__main__":
    run(*sys.argv[1:])
