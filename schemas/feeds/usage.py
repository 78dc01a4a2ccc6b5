"""The programme's log: one row an event."""

from schemas.feeds.feed import Column, Feed

USAGE = Feed(
    name="usage",
    description="One row an event of the programme's log.",
    key=("event_id",),
    full_by_default=False,
    blinding="revealing",
    columns=(
        Column("event_id", "identifier", "The platform's number of the event", required=True),
        Column("subject_id", "identifier", "The site's own number of the person whose programme it is"),
        Column("occurred_at", "time", "When it happened"),
        Column("actor", "code", "Who did it", codes=("participant", "therapist", "system")),
        Column(
            "event",
            "code",
            "What happened",
            codes=(
                "account_created",
                "login",
                "logout",
                "page_view",
                "module_released",
                "module_opened",
                "module_completed",
                "exercise_saved",
                "questionnaire_started",
                "questionnaire_completed",
                "message_sent",
                "message_read",
                "video_played",
                "video_call_joined",
                "reminder_sent",
            ),
        ),
        Column("module", "text", "The module it happened in"),
        Column("duration_s", "decimal", "How long it lasted, in seconds, where the platform says so", minimum=0),
        Column("device", "identifier", "The device or browser it came from, by the platform's number", optional=True),
        Column("stored_at", "instant", "When the platform stored it, by its own clock", optional=True),
    ),
)
