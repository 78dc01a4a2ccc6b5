"""DuckDB alone: the models of the dbt project, one after the other, without dbt; up to the one that is named."""

import re
import sys
from pathlib import Path

import duckdb

FOLDER = Path(__file__).with_name("dbt") / "models"
MODELS = ("usage", "participant", "session", "participant_week")


def run(site_folder: str, result_folder: str, as_of: str, last: str = MODELS[-1]) -> None:
    given = {"SITE_FOLDER": site_folder, "RESULT_FOLDER": result_folder, "AS_OF": as_of}
    con = duckdb.connect(f"{result_folder}/result.duckdb")
    con.execute("SET enable_progress_bar = false")
    for name in MODELS[: MODELS.index(last) + 1]:
        sql = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
        sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", sql)
        sql = re.sub(r'\{\{ env_var\("(\w+)"\) \}\}', lambda match: given[match[1]], sql)
        con.execute(f"CREATE TABLE {name} AS {sql}")
    con.close()


if __name__ == "__main__":
    run(*sys.argv[1:])
