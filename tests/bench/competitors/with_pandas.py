"""pandas: everything in memory, the results as Parquet; with every row checked first where it is told so."""

import sys
from pathlib import Path

import pandas as pd

from tests.bench.competitors.checks import check_text, check_times

GAP = pd.Timedelta(minutes=30)
KEYS = ["subject_id", "week_no"]
CODES = dict.fromkeys(("actor", "event", "module"), "category")
TYPES = {"event_id": "str", "subject_id": "str", "duration_s": "float64", **CODES}


def run(site_folder: str, result_folder: str, as_of: str, checks: str = "") -> None:
    site, result = Path(site_folder), Path(result_folder)
    people = pd.concat(pd.read_csv(path) for path in sorted((site / "allocation").glob("*.csv")))
    people = people.loc[people["arm"] == "ICT", ["subject_id", "randomised_on"]]
    people["starts_on"] = pd.to_datetime(people.pop("randomised_on"))
    read_one = read_checked if checks else read
    usage = pd.concat([read_one(path) for path in sorted((site / "usage").glob("*.csv"))], ignore_index=True)
    session = sessions(usage, people)
    session.to_parquet(result / "session.parquet", index=False)
    weeks(usage, session, people, pd.Timestamp(as_of)).to_parquet(result / "participant_week.parquet", index=False)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, engine="pyarrow", dtype=TYPES, parse_dates=["occurred_at"])


def read_checked(path: Path) -> pd.DataFrame:
    import pandera.pandas

    log = pd.read_csv(path, engine="pyarrow", dtype="str")
    check_text(pandera.pandas, log)
    log = log.assign(occurred_at=pd.to_datetime(log["occurred_at"], format="%Y-%m-%dT%H:%M:%SZ", utc=True))
    check_times(pandera.pandas, log, pd.Timestamp.now("UTC"))
    return log.astype({"duration_s": "float64", **CODES})


def sessions(usage: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    own = usage.loc[usage["actor"] == "participant", ["subject_id", "occurred_at", "event_id", "duration_s"]]
    own = own.sort_values(["subject_id", "occurred_at", "event_id"]).fillna({"duration_s": 0})
    starts = (own["subject_id"] != own["subject_id"].shift()) | (own["occurred_at"].diff() > GAP)
    session = own.groupby(starts.cumsum().rename("session")).agg(
        subject_id=("subject_id", "first"),
        started_at=("occurred_at", "first"),
        ended_at=("occurred_at", "last"),
        n_events=("occurred_at", "size"),
        last_duration_s=("duration_s", "last"),
    )
    session = session.merge(people, on="subject_id")
    span = (session["ended_at"] - session["started_at"]).dt.total_seconds()
    last = session.pop("last_duration_s")
    session["session_no"] = session.groupby("subject_id").cumcount() + 1
    session["duration_s"] = span + last
    session["active_s"] = span + last.clip(upper=1800)
    session["week_no"] = week_of(session["started_at"], session.pop("starts_on"))
    return session


def week_of(at: pd.Series, starts_on: pd.Series) -> pd.Series:
    day = at.dt.tz_convert("Europe/London").dt.tz_localize(None).dt.normalize()
    return (day - starts_on).dt.days // 7 + 1


def weeks(usage: pd.DataFrame, session: pd.DataFrame, people: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    of_sessions = session.groupby(KEYS).agg(n_sessions=("session_no", "size"), active_minutes=("active_s", "sum"))
    of_sessions["active_minutes"] /= 60
    usage = usage.merge(people, on="subject_id")
    usage["week_no"] = week_of(usage["occurred_at"], usage["starts_on"])
    own, event, module = usage["actor"] == "participant", usage["event"], usage["module"].astype("str")
    counted = usage[KEYS].assign(
        n_logins=own & (event == "login"),
        n_messages_to_therapist=own & (event == "message_sent"),
        n_messages_from_therapist=(usage["actor"] == "therapist") & (event == "message_sent"),
        n_modules_opened=module.where(own & (event == "module_opened")),
        n_modules_completed=module.where(event == "module_completed"),
    )
    of_usage = counted.groupby(KEYS).agg(
        {
            "n_logins": "sum",
            "n_modules_opened": "nunique",
            "n_modules_completed": "nunique",
            "n_messages_to_therapist": "sum",
            "n_messages_from_therapist": "sum",
        }
    )
    every = people.assign(week_no=[range(1, (as_of - start).days // 7 + 2) for start in people["starts_on"]])
    every = every.explode("week_no")[KEYS].astype({"week_no": "int64"})
    return every.join(of_sessions, on=KEYS).join(of_usage, on=KEYS).fillna(0)


if __name__ == "__main__":
    run(*sys.argv[1:])
