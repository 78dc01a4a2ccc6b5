"""Events after the start of treatment that change what later measurements mean (ICH E9(R1)): one row an event."""

from schemas.feeds.feed import Column, Feed

INTERCURRENT_EVENTS = Feed(
    name="intercurrent_events",
    description="One row an intercurrent event that the site recorded.",
    key=("ice_id",),
    full_by_default=True,
    blinding="revealing",
    columns=(
        Column("ice_id", "identifier", "The site's own number of the event", required=True),
        Column("subject_id", "identifier", "The site's own number of the person"),
        Column(
            "kind",
            "code",
            "What happened",
            codes=(
                "stopped_treatment",
                "non_usage",
                "other_therapy",
                "medication_changed",
                "crossover",
                "outage",
                "death",
            ),
        ),
        Column("started_on", "date", "When it began"),
        Column("ended_on", "date", "When it ended; empty while it lasts, and where it has no end"),
        Column("reason", "text", "Why, as the site says it; published only as a listed reason"),
    ),
)
