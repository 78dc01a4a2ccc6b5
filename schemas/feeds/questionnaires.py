"""Answers to questionnaires: one row an item."""

from schemas.feeds.feed import Column, Feed

QUESTIONNAIRES = Feed(
    name="questionnaires",
    description="One row an item of a filled-in form.",
    key=("subject_id", "instrument", "visit", "completed_at", "item"),
    full_by_default=True,
    blinding="outcome",
    columns=(
        Column("subject_id", "identifier", "The site's own number of the person", required=True),
        Column("instrument", "code", "Instrument, as its file in schemas/instruments/ is called", required=True),
        Column("visit", "text", "Visit as the site labels it; WEEKLY for forms inside the programme"),
        Column("completed_at", "time_or_date", "When the form was filled in", required=True),
        Column("item", "identifier", "Item, as the instrument file names it", required=True),
        Column("value", "text", "The answer: a whole number in the item's range, or NA where that is allowed"),
    ),
)
