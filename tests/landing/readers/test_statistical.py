"""SPSS and SAS transport files: dates by their format, whole numbers without a point, missing as missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from pipelines.landing.readers import UnreadableError, open_table
from pipelines.landing.readers.statistical import number_as_text
from pipelines.study.source import SasTransport, SpssFile

SAV, XPT = SpssFile(format="sav"), SasTransport(format="xpt")


def read(path: Path, kind: SpssFile | SasTransport) -> pl.DataFrame:
    table = open_table(path, path.name, kind)
    assert table.header is not None
    batches = list(table.batches(table.header))
    assert table.n_records == sum(b.cells.height for b in batches)
    assert all(b.places["line_no"].null_count() == b.places.height for b in batches)
    return pl.concat([b.cells for b in batches])


def test_spss_dates_beyond_the_calendar_do_not_stop_the_file(real: Path) -> None:
    cells = read(real / "statistical" / "datetime.sav", SAV)
    assert cells["date"][0] == "2014-09-22"
    assert cells["date.posix"][1] == "2014-09-23T15:59:20"
    assert cells["time"][0].startswith("12:11:10")
    assert "-" not in cells["date.posix"][0]  # no calendar has that day: the number itself


def test_spss_values_declared_missing_are_missing(real: Path) -> None:
    assert read(real / "statistical" / "labelled-num-na.sav", SAV)["VAR00002"].to_list() == ["1", None]
    assert read(real / "statistical" / "more" / "missing_char.sav", SAV)["mychar"].drop_nulls().to_list() == ["a"]


def test_spss_sample_is_read_whole(real: Path) -> None:
    cells = read(real / "statistical" / "more" / "sample.sav", SAV)
    assert cells["mydate"].to_list() == ["2018-05-06", "1880-05-06", "1960-01-01", "1583-01-01", None]
    assert cells["dtime"].to_list()[0] == "2018-05-06T10:10:10"
    assert cells["mynum"].to_list() == ["1.1", "1.2", "-1000.3", "-1.4", "1000.3"]
    assert cells["mylabl"].to_list() == ["1", "2", "1", "2", "1"]
    assert read(real / "statistical" / "more" / "sample_large.sav", SAV).height == 485
    assert read(real / "statistical" / "more" / "sample.zsav", SAV).equals(cells)


def test_spss_names_in_other_scripts(real: Path) -> None:
    assert read(real / "statistical" / "more" / "hebrews.sav", SAV)["ותק_ב"].to_list()[:3] == ["33", "34", "15"]


def test_sas_dates_count_from_1960(real: Path) -> None:
    cells = read(real / "statistical" / "more" / "dates_xpt_v8.xpt", XPT)
    dated = cells.filter(pl.col("dt").is_not_null())
    assert (dated["dt"].str.replace("T", " ") == dated["string_dt"]).all()
    assert (cells["dates"] == cells["string_dates"]).all()
    assert (cells["times"] == cells["string_times"]).all()


@pytest.mark.parametrize(("name", "rows"), [("dm", 306), ("sv", 3559), ("adsl", 254)])
def test_the_pilot_trial_is_read_whole(real: Path, name: str, rows: int) -> None:
    assert read(real / "cdisc_pilot" / f"{name}.xpt", XPT).height == rows


def test_fractional_visits_and_sas_dates_of_the_pilot(real: Path) -> None:
    sv = read(real / "cdisc_pilot" / "sv.xpt", XPT)
    assert sv.filter(pl.col("VISITNUM").str.contains(".", literal=True)).height == 863
    adsl = read(real / "cdisc_pilot" / "adsl.xpt", XPT)
    assert adsl["TRTSDT"].str.contains(r"^\d{4}-\d{2}-\d{2}$").all()


def test_more_rows_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.landing.readers.statistical.ROWS_A_BATCH", 3)
    for n in (0, 1, 3, 7, 9):
        frame = pd.DataFrame({"a": pd.Series(range(n), dtype=float), "b": pd.Series(["x"] * n, dtype=object)})
        pyreadstat.write_sav(frame, str(tmp_path / "f.sav"))
        pyreadstat.write_xport(frame, str(tmp_path / "f.xpt"))
        for kind, name in ((SAV, "f.sav"), (XPT, "f.xpt")):
            table = open_table(tmp_path / name, name, kind)
            batches = list(table.batches(["a"]))
            assert [cell for b in batches for cell in b.cells["a"]] == [str(i) for i in range(n)]
            assert [i for b in batches for i in b.places["row_no"]] == list(range(1, n + 1))


@pytest.mark.parametrize("kind", [SAV, XPT])
@pytest.mark.parametrize("content", [b"", b"not a statistical file", b"$FL2" + b"\0" * 300])
def test_what_is_no_such_file_is_refused(tmp_path: Path, kind: SpssFile | SasTransport, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match="export it again"):
        open_table(path, "f", kind)


def test_a_cut_off_spss_file_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [i / 7 for i in range(2000)]})
    pyreadstat.write_sav(frame, str(tmp_path / "f.sav"))
    whole = (tmp_path / "f.sav").read_bytes()
    for share in (0.999, 0.9, 0.5, 0.1, 0.01):
        (tmp_path / "f.sav").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableError):
            list(open_table(tmp_path / "f.sav", "f.sav", SAV).batches(["a"]))


def test_a_transport_file_cut_within_a_record_is_refused(tmp_path: Path) -> None:
    pyreadstat.write_xport(pd.DataFrame({"a": [float(i) for i in range(200)]}), str(tmp_path / "f.xpt"))
    whole = (tmp_path / "f.xpt").read_bytes()
    for missing in (1, 79, 300):
        (tmp_path / "f.xpt").write_bytes(whole[:-missing])
        with pytest.raises(UnreadableError, match="cut off"):
            open_table(tmp_path / "f.xpt", "f.xpt", XPT)


def test_numbers_as_text() -> None:
    numbers = [2.0, -0.0, 1.5, 1e15, 123456789012345.0, 1e300, 1e-7, None, float("nan")]
    texts = pl.DataFrame({"n": numbers}).select(number_as_text(pl.col("n").fill_nan(None))).to_series().to_list()
    assert texts[:5] == ["2", "0", "1.5", "1000000000000000.0", "123456789012345"] or float(texts[3]) == 1e15
    assert float(texts[5]) == 1e300 and float(texts[6]) == 1e-7
    assert texts[7:] == [None, None]
