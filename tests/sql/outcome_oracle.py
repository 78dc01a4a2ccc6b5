"""Weeks, recovery and sudden gains once more, slowly and in plain Python, from the published rules.

Cut-offs and reliable changes stand here as the NHS Talking Therapies table has them (SPIN: Connor et al. 2000, and the
study file's change of 10); values of t as Lutz et al. 2013 have them. Scores are exact fractions.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

from tests.sql import oracle
from tests.sql.trial import Trial

Row = dict[str, Any]
CASE = {"PHQ9": 10, "GAD7": 8, "SPIN": 19}
CHANGE = {"PHQ9": 6, "GAD7": 4, "SPIN": 10}
CRITICAL_T = {6: Fraction(2776, 1000), 5: Fraction(3182, 1000), 4: Fraction(4303, 1000)}
TREATMENT_WEEKS = 14


def adqw(trial: Trial) -> list[Row]:
    """usubjid, paramcd, aweek, aval, aseq, nform of analysis.adqw, in key order."""
    weeks: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in oracle.adqs(trial):
        if row["reference"] is not None:
            week = (row["day"] - row["reference"]).days // 7 + 1
            weeks[row["usubjid"], row["paramcd"], week].append(row)
    found = []
    for (usubjid, paramcd, week), rows in sorted(weeks.items()):
        valued = [row for row in rows if row["aval"] is not None] or rows
        last_day = max(row["day"] for row in valued)  # the nearest to the week's end
        best = min((row for row in valued if row["day"] == last_day), key=lambda row: row["aseq"])
        aval, aseq = best["aval"], best["aseq"]
        found.append(
            {"usubjid": usubjid, "paramcd": paramcd, "aweek": week, "aval": aval, "aseq": aseq, "nform": len(rows)}
        )
    return found


def verdicts(trial: Trial) -> list[Row]:
    """Answers of the definitions on one parameter, by person, visit, definition and question."""
    definitions = [
        # As the study file has them, with the question, and whether it is asked of the baseline too.
        ("LSASTOT", "lsas_case", "CASE", lambda row: row["aval"] >= 30),
        ("PHQ9", "nhs_phq9_case", "CASE", lambda row: row["aval"] >= 10),
        ("GAD7", "nhs_gad7_case", "CASE", lambda row: row["aval"] >= 8),
        ("SPIN", "spin_case", "CASE", lambda row: row["aval"] >= 19),
        ("PHQ9", "nhs_phq9_change", "RELIMP", lambda row: row["chg"] <= -6),
        ("PHQ9", "nhs_phq9_change", "RELDET", lambda row: row["chg"] >= 6),
        ("GAD7", "nhs_gad7_change", "RELIMP", lambda row: row["chg"] <= -4),
        ("GAD7", "nhs_gad7_change", "RELDET", lambda row: row["chg"] >= 4),
        ("SPIN", "nhs_spin_change", "RELIMP", lambda row: row["chg"] <= -10),
        ("SPIN", "nhs_spin_change", "RELDET", lambda row: row["chg"] >= 10),
        ("LSASTOT", "lsas_remission", "REMIS", lambda row: row["aval"] <= 35),
        ("LSASTOT", "lsas_response", "RESP", lambda row: -row["pchg"] >= 28 if row["pchg"] is not None else None),
    ]
    found = []
    for row in oracle.adqs(trial):
        for paramcd, definition, question, holds in definitions if row["anl01fl"] == "Y" else ():
            if paramcd == row["paramcd"] and (question == "CASE" or row["chg"] is not None):
                said = holds(row)
                who = {"usubjid": row["usubjid"], "avisit": row["avisit"], "defid": definition, "paramcd": question}
                found.append(who | {"avalc": "NA" if said is None else "Y" if said else "N"})
    return sorted(found, key=lambda row: tuple(row.values()))


def recovery(trial: Trial) -> list[Row]:
    """Answers of the NHS Talking Therapies definitions, by person, visit and question."""
    visits: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for row in oracle.adqs(trial):
        if row["anl01fl"] == "Y" and row["chg"] is not None:
            visits[row["usubjid"], row["avisit"]][row["paramcd"]] = row
    found = []
    for (usubjid, avisit), rows in sorted(visits.items()):
        anxiety = rows.get("SPIN") or rows.get("GAD7")
        depression = rows.get("PHQ9")
        if anxiety is None or depression is None:
            continue
        both = [anxiety, depression]
        started_ill = any(row["base"] >= CASE[row["paramcd"]] for row in both)
        well = all(row["aval"] < CASE[row["paramcd"]] for row in both)
        better = any(row["chg"] <= -CHANGE[row["paramcd"]] for row in both)
        worse = any(row["chg"] >= CHANGE[row["paramcd"]] for row in both)
        answers = {
            "RECOV": "NA" if not started_ill else "Y" if well else "N",
            "RELDET": "Y" if worse and not better else "N",
            "RELIMP": "Y" if better and not worse else "N",
            "RELRECOV": "NA" if not started_ill else "Y" if well and better and not worse else "N",
        }
        used = ", ".join(row["paramcd"] for row in both)
        found += [
            {"usubjid": usubjid, "avisit": avisit, "paramcd": question, "avalc": answer, "srcparam": used}
            for question, answer in answers.items()
        ]
    return found


def sudden_gains(trial: Trial, paramcd: str) -> list[Row]:
    """usubjid, aperweek (the week before), aval, tcrit of each sudden gain of a parameter."""
    people: dict[str, dict[int, Fraction]] = defaultdict(dict)
    for row in adqw(trial):
        if row["paramcd"] == paramcd and row["aval"] is not None and 1 <= row["aweek"] <= TREATMENT_WEEKS:
            people[row["usubjid"]][row["aweek"]] = row["aval"]
    found = []
    for usubjid, weeks in sorted(people.items()):
        for week in sorted(weeks):
            before = [weeks[n] for n in (week - 2, week - 1, week) if n in weeks]
            after = [weeks[n] for n in (week + 1, week + 2, week + 3) if n in weeks]
            if week + 1 not in weeks or len(before) < 2 or len(after) < 2:
                continue
            fall = weeks[week] - weeks[week + 1]
            critical = CRITICAL_T[len(before) + len(after)]
            if fall >= CHANGE[paramcd] and fall >= weeks[week] / 4 and _stands_out(before, after, critical):
                found.append({"usubjid": usubjid, "aperweek": week, "aval": fall, "tcrit": float(critical)})
    return found


def _stands_out(before: list[Fraction], after: list[Fraction], critical: Fraction) -> bool:
    """Whether the means differ by more than t pooled standard deviations; squared, so that it stays exact."""
    mean_before, mean_after = sum(before) / len(before), sum(after) / len(after)
    squares = sum((x - mean_before) ** 2 for x in before) + sum((x - mean_after) ** 2 for x in after)
    variance = Fraction(squares, len(before) + len(after) - 2)
    difference = mean_before - mean_after
    return difference > 0 and difference**2 > critical**2 * variance
