"""Who is in the trial: one row a person, screen failures too."""

from schemas.feeds.feed import Column, Feed

PARTICIPANTS = Feed(
    name="participants",
    description="One row a person whom a site screened.",
    key=("subject_id",),
    full_by_default=True,
    blinding="safe",
    columns=(
        Column("subject_id", "identifier", "The site's own number of the person", required=True),
        Column("centre", "text", "The treating centre, where it is not the site"),
        Column("language", "text", "Language of the programme"),
        Column("consent_date", "date", "Date of informed consent"),
        Column("birth_year", "integer", "Year of birth", minimum=1900, maximum=2100),
        Column("sex", "code", "Sex", codes=("F", "M", "X")),
        Column(
            "status",
            "code",
            "Where the person stands in the trial",
            codes=("screened", "enrolled", "randomised", "completed", "withdrawn", "screen_failed"),
        ),
        Column("status_date", "date", "Date since which the status holds"),
        Column("status_reason", "text", "Why, as the site says it; published only as a listed reason"),
    ),
)
