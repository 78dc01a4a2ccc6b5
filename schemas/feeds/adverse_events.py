"""Adverse events: one row an event."""

from schemas.feeds.feed import Column, Feed

ADVERSE_EVENTS = Feed(
    name="adverse_events",
    description="One row an adverse event.",
    key=("ae_id",),
    full_by_default=True,
    blinding="revealing",
    columns=(
        Column("ae_id", "identifier", "The site's own number of the event", required=True),
        Column("subject_id", "identifier", "The site's own number of the person"),
        Column("onset_date", "date", "When it began"),
        Column("reported_on", "date", "When the site reported it"),
        Column("term", "text", "What happened"),
        Column("serious", "code", "Whether it was serious", codes=("Y", "N")),
        Column("severity", "integer", "1 mild to 5 fatal", minimum=1, maximum=5),
        Column("related", "code", "Whether it was related to the treatment", codes=("Y", "N", "U")),
        Column("outcome", "text", "How it ended"),
        Column("ended_on", "date", "When it ended", optional=True),
    ),
)
