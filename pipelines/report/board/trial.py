"""What the report says of the trial itself: its title, its sites' names, and the day that counts as today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from pipelines.report.board.source import Source
from pipelines.study.study import Site, Study

ALL_SITES = ""
_LANGUAGES = {"JPN": "ja", "HKG": "zh-Hant-HK", "TWN": "zh-Hant-TW", "MAC": "zh-Hant-MO", "CHN": "zh-Hans", "KOR": "ko"}


@dataclass(frozen=True)
class Trial:
    """`as_of` is the cut-off; `built_at` when the snapshot was made, in UTC."""

    study: Study
    as_of: date
    built_at: datetime
    code_version: str
    study_digest: str

    @property
    def title(self) -> str:
        return self.study.title

    @property
    def site_ids(self) -> list[str]:
        return [site.site for site in self.study.sites]

    @property
    def one_person(self) -> bool:
        """Whether it is planned for one person."""
        return sum(site.target or 0 for site in self.study.sites) == 1

    def name(self, site_id: str) -> str:
        """What people call a site; one that the study file no longer has goes by its identifier."""
        site = self.study.site_by_id.get(site_id)
        return site.name if site else site_id or "All sites"

    def language(self, site_id: str) -> str:
        """The language in which a site's name is written, as far as its letters and country tell."""
        site = self.study.site_by_id.get(site_id)
        return "en" if site is None or site.name.isascii() else _language_of(site)


def trial_of(source: Source, study: Study) -> Trial:
    """The trial as the snapshot stands."""
    row = source.row("SELECT as_of, built_at, code_version, study_digest FROM meta.snapshot")
    return Trial(study, **row)


def _language_of(site: Site) -> str:
    return _LANGUAGES.get(site.country, site.language)
