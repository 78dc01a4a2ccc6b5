"""The page as it is written: every section, for every size of trial, and nothing in it that could do anything."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from pipelines.report.board.page import open_page
from pipelines.report.board.sections import SECTIONS
from pipelines.report.board.sections.measures import Measures
from pipelines.report.board.sections.moved_names import decimals_of, moved_name
from pipelines.report.board.status import STATUSES
from pipelines.report.board.trial import trial_of
from pipelines.report.board_data import BOARD
from pipelines.warehouse.dictionary import load_dictionary
from tests.report.board.made_up import MOVED, numbers, study

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    '=HYPERLINK("http://example.org","x")',
    "</style><style>*{display:none}</style>",
    "<!--fonts--> & ' \" ]]>",
    "javascript:alert(1)",
)
TRIALS = {
    "three sites": (["Oxford", "Hong Kong", "宮崎大学医学部附属病院"], 60),
    "one site": (["Oxford"], 60),
    "one participant": (["Oxford", "Hong Kong"], 1),
    "no data": (["Oxford", "Hong Kong", "Miyazaki"], 0),
    "sixty sites": ([f"Site {i}" for i in range(60)], 60),
}


class Shape(HTMLParser):
    """Which elements and attributes a page has, and what it refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "action", "data", "poster", "srcset"):
                self.references.append(value or "")

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module", params=TRIALS)
def page(request: pytest.FixtureRequest) -> str:
    names, people = TRIALS[request.param]
    return open_page(*numbers(study(names, ["GBR", "HKG", "JPN"]), people))


def test_every_section_asks_its_question(page: str) -> None:
    shape = Shape(page)
    assert [f"s{i}" for i in range(13)] == [name for name in shape.ids if re.fullmatch(r"s\d+", name)]
    assert len(SECTIONS) == 13
    questions = re.findall(r'<h2 id="s\d+-title"><span class="id">\d+</span>([^<]*)</h2>', page)
    assert len(questions) == 13 and all(question.endswith("?") for question in questions)


def test_it_is_small_fetches_nothing_and_runs_nothing(page: str) -> None:
    shape = Shape(page)
    assert len(page.encode()) < 2_000_000
    assert all(reference.startswith("#") for reference in shape.references)
    assert all(url.startswith("data:font/woff2;base64,") for url in re.findall(r"url\(([^)]*)\)", page))
    assert "@import" not in page
    assert "script" not in {tag for tag, _ in shape.elements}
    assert not [name for _, names in shape.elements for name in names if name.startswith("on")]
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:" in page


def test_every_link_has_its_place_and_no_place_has_two(page: str) -> None:
    shape = Shape(page)
    assert len(shape.ids) == len(set(shape.ids))
    assert {reference[1:] for reference in shape.references} <= set(shape.ids)


def test_every_figure_says_as_of_when_and_how_much_of_what_it_shows(page: str) -> None:
    for figure in re.findall(r"<figure.*?</figure>", page, re.DOTALL):
        assert re.search(r"As of 30 Nov 2026", figure)
        assert re.search(r"\d+ shown / \d+ \w+", figure)
        assert "its definition" in figure and re.search(r"· from (quality|board)\.", re.sub(r"\s+", " ", figure))
        if 'class="drawing"' in figure:
            assert re.search(r'<svg role="img" aria-label="[^"]{20,}"', figure) and "its table" in figure


def test_every_status_is_told_by_glyph_and_words() -> None:
    page = open_page(*numbers(study([f"Site {i}" for i in range(8)])))
    for status in STATUSES.values():
        assert (
            f'<span class="status {status.code}"><span '
            f'aria-hidden="true">{status.glyph.replace("<", "&lt;")}</span> {status.words}</span>'
        ) in page


def test_a_score_by_a_rule_that_nobody_has_read_says_so_where_scores_are_met() -> None:
    page = open_page(*numbers(study(["Oxford"])))
    section = page[page.index('id="s5"') : page.index('id="s6"')]
    said = "Of 3 scores 1 rests on a rule that nobody has read in its source: PHQ9."
    assert said in section and "not published but chosen for this trial: LSASTOT and WEEKLY." in section
    assert "phq9 total (PHQ9)" in section and "Whether an item is reversed." in section
    assert "LSASTOT)" not in section and "lsas_sr total (LSASTOT)" in page[page.index('id="table-t5-4"') :]
    # Before the first form has come there is nothing to say it of, but of what comes with no visit.
    empty = open_page(*numbers(study(["Oxford"]), 0))
    assert "Somebody has read in its source how the score is made." in empty


def test_of_one_person_counts_are_told_and_no_share() -> None:
    protocol = study(["Clinic"])
    alone = protocol.model_copy(update={"sites": [protocol.sites[0].model_copy(update={"target": 1})]})
    pages = [open_page(*numbers(one, 1)) for one in (protocol, alone)]
    shares = [re.findall(r"\d%", re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)) for page in pages]
    assert len(shares[0]) > 20 and shares[1] == []
    assert "6 of 500 items" in pages[1] and "there is no pace of recruitment" in pages[1]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_name_holds_stays_text(payload: str) -> None:
    clean = Shape(open_page(*numbers(study(["Oxford", "Kyoto"], title="Trial"))))
    dirty = Shape(open_page(*numbers(study([payload, payload], title=payload))))
    assert dirty.elements == clean.elements
    assert payload in "".join(dirty.text)


def test_a_japanese_name_brings_its_glyphs_and_its_language() -> None:
    plain = open_page(*numbers(study(["Oxford"])))
    japanese = open_page(*numbers(study(["宮崎大学"], ["JPN"])))
    assert 'lang="ja"' in japanese and 'lang="ja"' not in plain
    assert len(japanese) > len(plain)


WORDS_OF_THE_DATA = {
    "quality.kri": ("title", "bad_event", "counted", "why", "reason", "source"),
    "quality.check_card": ("rule", "why", "reason"),
    "quality.currency": ("feed",),
    "quality.arrival_night": ("feed",),
    "quality.central_check": ("title", "measure", "definition"),
    "quality.redelivery": ("feed", "stream"),
    "quality.log_quality": ("measure",),
    "quality.missing_pattern": ("missing",),
    "board.rule_change": ("what", "before", "now", "reason"),
    "board.handle": ("handle",),
    "board.identity": ("received_digest", "tables_digest", "before_digest"),
    "meta.snapshot": ("code_version", "study_digest"),
}


@pytest.mark.parametrize("payload", PAYLOADS[:3])
def test_so_does_what_any_text_field_holds(payload: str) -> None:
    def shape(text: str) -> Shape:
        source, trial = numbers(study(["Oxford", "Kyoto"]))
        for table, columns in WORDS_OF_THE_DATA.items():
            source.con.execute(f"UPDATE {table} SET {', '.join(f'{c} = $text' for c in columns)}", {"text": text})
        return Shape(open_page(source, trial_of(source, trial.study)))

    clean, dirty = shape("plain words"), shape(payload)
    assert dirty.elements == clean.elements and dirty.references == clean.references
    assert "".join(dirty.text).count(payload) > 40


def test_every_check_and_indicator_broken_is_said_and_nothing_is_called_well() -> None:
    source, trial = numbers(study(["Oxford", "Kyoto"]))
    unjudged = ("p_upper", "wilson_low", "wilson_high", "p_vs_others", "power_watch", "chance_watch", "chance_action")
    source.con.execute(f"UPDATE quality.kri SET status = 'BROKEN', {', '.join(f'{c} = NULL' for c in unjudged)}")
    counts = ", ".join(f"n_{code.lower()} = {int(code == 'BROKEN')}" for code in STATUSES)
    source.con.execute(f"UPDATE quality.check_grid SET status = 'BROKEN', {counts}")
    for table in ("quality.check_card", "board.shown"):
        source.con.execute(f"UPDATE {table} SET status = 'BROKEN'")
    page = open_page(source, trial)
    text = " ".join(" ".join(Shape(page).text).split())
    assert (
        "things could not be judged" in text and "Nothing is flagged" not in text and "No site stands out" not in text
    )
    assert "until then nothing is known of these records" in text
    for section in (4, 5, 6, 7, 8):
        body = page.partition(f'id="s{section}"')[2].partition("</section>")[0]
        assert "✓" not in body and (section == 8 or "CHECK BROKEN" in body), section


def test_a_funnel_is_drawn_from_ten_sites_on_and_else_it_is_said_why_not() -> None:
    source, trial = numbers(study([f"Site {i}" for i in range(12)]))
    page = open_page(source, trial)
    (panels,) = re.findall(r'id="f7-4".*?</figure>', page, re.DOTALL)
    scored = source.rows("SELECT * FROM quality.kri WHERE score IS NOT NULL")
    assert panels.count("<circle") == len(scored) > 12
    far = [row for row in scored if abs(row["score"]) > 2]
    table = page.partition('id="table-f7-4"')[2].partition("</table>")[0]
    assert table.count("<tr>") == len(far) + 1 and "2.9" in table
    assert "No funnel is drawn" not in page
    few = open_page(*numbers(study(["Oxford", "Kyoto", "York"])))
    assert 'id="f7-4"' not in few and "with 3 sites its score cannot pass 1.73" in few


def test_more_than_tolerated_and_still_well_is_explained_where_it_is_shown() -> None:
    source, trial = numbers(study(["Oxford", "Kyoto"]))
    source.con.execute("UPDATE quality.kri SET status = 'OK', metric = 0.27, p_upper = 0.042 WHERE kri = 'K05'")
    said = re.findall(r"More than tolerated and still ✓ OK.*?</p>", open_page(source, trial))
    mine = [
        sentence for sentence in said if "K05 Oxford (p = 0.042)" in sentence and "K05 Kyoto (p = 0.042)" in sentence
    ]
    assert len(mine) == 2  # in section 4, and under the panels of section 7


def test_the_cover_and_section_11_say_what_can_be_verified_and_what_nobody_has_recorded() -> None:
    page = open_page(*numbers(study(["Oxford"])))
    cover, machinery = (page.partition(f'id="s{n}"')[2].partition("</section>")[0] for n in (0, 11))
    for digest in ("cd" * 32, "ef" * 32, "12" * 32, "34" * 32):  # study file, received, snapshot, last pack
        assert f"SHA-256 {digest}" in cover
    assert "published on 7 days" in cover
    assert "`" not in cover + machinery
    assert "and a snapshot built again on" in machinery and "in 2.5 minutes: every table was the same" in machinery
    assert "never done; the command ict-trial verify --backup FOLDER does it" in machinery
    source, trial = numbers(study(["Oxford"]))
    source.con.execute("UPDATE board.audit SET chain_holds = FALSE")
    altered = open_page(source, trial)
    assert "The audit trail does not hold: the data manager must find out what was altered" in altered
    source.con.execute("UPDATE board.audit SET chain_holds = TRUE")
    source.con.execute("UPDATE board.verification SET rebuilt = 'differs'")
    assert "NOT THE SAME" in (other := open_page(source, trial)) and "was not the same, or could not be built" in other
    source.con.execute("DELETE FROM board.night WHERE as_of = (SELECT max(as_of) - 3 FROM board.night)")
    assert "No run was made on 1 day of the last 28" in open_page(source, trial)
    first = open_page(*numbers(study(["Oxford"]), people=0))
    assert "there is none" in first and "No run is on record" in first
    assert "Whether the audit trail holds was not recorded" in first


def test_what_the_weeks_still_flag_and_tonight_does_not_is_said() -> None:
    source, trial = numbers(study(["Oxford", "Kyoto"]))
    said = "(tonight OK; shown until two weeks in a row are well)"
    assert said not in open_page(source, trial)
    source.con.execute("UPDATE quality.kri SET status = 'OK' WHERE kri = 'K04'")
    source.con.execute("UPDATE board.shown SET status = 'ACTION' WHERE name = 'K04'")
    assert open_page(source, trial).count(said) == 2


def test_of_a_night_that_flags_nothing_it_is_said_what_nobody_could_have_seen() -> None:
    source, trial = numbers(study(["Oxford", "Kyoto"]))
    for table in ("quality.kri", "board.shown", "quality.check_card", "quality.currency"):
        source.con.execute(f"UPDATE {table} SET status = 'OK'")
    source.con.execute("UPDATE quality.kri SET status = 'TOO_FEW' WHERE kri = 'K05'")
    source.con.execute("UPDATE quality.kri SET power_watch = CASE kri WHEN 'K05' THEN 0.12 ELSE 0.9 END")
    section = open_page(source, trial).partition('id="s1"')[2].partition("</section>")[0]
    said = unescape(re.sub("<[^>]*>", "", section))
    assert "Nothing is flagged: no check and no indicator lies beyond what was tolerated, at any site." in said
    assert "Of 8 indicators (by site) some could not be assessed: 2 TOO FEW." in said
    assert "A site twice as bad as tolerated would have been flagged with a chance of 12 to 90%" in said
    assert "Decisions asked of the board: none by these numbers." in said


@pytest.mark.parametrize("n_sites", [3, 12])
def test_every_finding_is_on_the_first_page_or_counted_there(n_sites: int) -> None:
    source, trial = numbers(study([f"Site {i}" for i in range(n_sites)]))
    flagged = """
        SELECT status FROM board.shown WHERE kind = 'kri' UNION ALL SELECT status FROM quality.check_card
        UNION ALL SELECT status FROM quality.currency
    """
    found = [status for (status,) in source.con.execute(flagged).fetchall() if STATUSES[status].flagged]
    section = open_page(source, trial).partition('id="s1"')[2].partition("</section>")[0]
    assert f"{found.count('ACTION')} findings need action" in section
    said = re.findall(r'<p class="where">(.*?)</p>', section)
    places = [unescape(re.sub("<[^>]*>", "", text)).partition("·")[0] for text in said]
    more = [int(n) for n in re.findall(r"(\d+) more (?:sites?|findings?)", section)]
    named = [place for text in places for place in text.split(";") if " more site" not in place]
    assert len(named) + sum(more) == len(found)


def test_every_number_that_moved_has_its_parts() -> None:
    page = open_page(*numbers(study(["Oxford"])))
    moved = page.partition('id="table-t1-3"')[2].partition("</table>")[0]
    for what in (
        "K03 Forms",
        "Randomised",
        "Open queries",
        "lsas_sr received at WEEK 15",
        "Missing together: lsas_sr and phq9",
        "WEEK 8: overdue",
        "Participants: nights on which a due file did not come",
        "Queries open for over 60 days",
        "Check: ",
    ):
        assert f"{what}" in moved.replace("\u00a0", " ")
    assert moved.count("new people +2/+20; corrections +1/+0") == len(MOVED) == moved.count(", Oxford")
    many = open_page(*numbers(study([f"Site {i}" for i in range(13)])))  # all but the indicators are summed over sites
    moved = many.partition('id="table-t1-3"')[2].partition("</table>")[0]
    assert (moved.count(", Site 0"), moved.count(", All sites")) == (1, len(MOVED) - 1)


def test_what_statistics_that_moved_are_called_and_how_they_are_written() -> None:
    said = {
        "central|C5|LSASTOT|statistic": ("C5 Spread, LSASTOT: statistic", 2),
        "central|C7|consent_date|chance": ("C7, consent_date: chance", 3),
        "central|C3|lsas_sr|values": ("C3, lsas_sr: values here, of those of all sites", 0),
        "comparisons|C5|TOO_FEW": ("C5 Spread: comparisons with too few values", 0),
        "chance|K04": ("K04: chance at the tolerance", 3),
        "interval_low|K04": ("K04: interval from, in per cent", 1),
        "luck|WATCH": ("WATCH that luck alone would show", 2),
        "grid|reference": ("Of somebody, all checks of section 6", 0),
        "check|drift_new": ("Check: Drift new", 0),
        "months_open": ("Months open", 2),
    }
    titles = {"C5": "C5 Spread"}
    assert {number: (moved_name(number, titles, Measures()), decimals_of(number)) for number in said} == said


def test_one_change_of_rules_is_said_of_one() -> None:
    section = open_page(*numbers(study(["Oxford"]))).partition('id="s12"')[2].partition("</section>")[0]
    assert "1 rule or tool differs from that of the pack of" in section
    assert "1 shown / 1 change" in section and "1 shown / 1 changes" not in section


def test_where_moves_cannot_be_split_it_is_said() -> None:
    source, trial = numbers(study(["Oxford"]))
    said = "What moved since the last pack cannot be split into reasons"
    assert said not in open_page(source, trial)
    source.con.execute("UPDATE board.last_pack SET compared = FALSE")
    assert said in open_page(source, trial)


def test_the_same_numbers_give_the_same_page() -> None:
    made = [open_page(*numbers(study(["Oxford", "宮崎"], ["GBR", "JPN"]))) for _ in range(2)]
    assert made[0] == made[1]


def test_the_clock_and_how_often_a_night_was_run_change_nothing() -> None:
    source, trial = numbers(study(["Oxford"]))
    page = open_page(source, trial)
    source.con.execute("INSERT INTO board.night SELECT * FROM board.night WHERE as_of = $day", {"day": trial.as_of})
    assert open_page(source, replace(trial, built_at=trial.built_at + timedelta(hours=1))) == page


def test_the_made_up_tables_have_columns_of_the_real_ones() -> None:
    source, _ = numbers(study(["Oxford"]))
    dictionary = load_dictionary()
    rows = source.rows("SELECT table_schema || '.' || table_name AS name, column_name FROM information_schema.columns")
    for row in rows:
        known = dictionary[row["name"]].columns if row["name"] in dictionary else _names(BOARD[row["name"]])
        assert row["column_name"] in known, row


def _names(columns: str) -> list[str]:
    return [part.split()[0] for part in columns.split(",")]
