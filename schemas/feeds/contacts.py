"""Contacts between therapist and participant: one row a contact."""

from schemas.feeds.feed import Column, Feed

CONTACTS = Feed(
    name="contacts",
    description="One row a contact that a therapist logged.",
    key=("contact_id",),
    full_by_default=False,
    blinding="revealing",
    columns=(
        Column("contact_id", "identifier", "The site's own number of the contact", required=True),
        Column("subject_id", "identifier", "The site's own number of the person"),
        Column("occurred_at", "time", "When it took place"),
        Column("kind", "code", "How", codes=("call", "message", "video", "in_person")),
        Column("direction", "code", "Towards whom", codes=("to_participant", "from_participant")),
        Column("minutes", "decimal", "The therapist's time, in minutes", minimum=0),
        Column("therapist_id", "identifier", "The site's own number of the therapist"),
    ),
)
