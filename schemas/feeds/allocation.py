"""Who was allocated to which arm."""

from schemas.feeds.feed import Column, Feed

ALLOCATION = Feed(
    name="allocation",
    description="One row a randomised person.",
    key=("subject_id",),
    full_by_default=True,
    blinding="arm",
    columns=(
        Column("subject_id", "identifier", "The site's own number of the person", required=True),
        Column("arm", "code", "Allocated arm, as the study file names it"),
        Column("randomised_on", "date", "Date of randomisation at the site"),
        Column("stratum", "text", "Stratum of the randomisation"),
        Column("second_arm", "code", "Arm allocated after waiting, as the study file names it", optional=True),
        Column("second_randomised_on", "date", "Date of that second randomisation at the site", optional=True),
    ),
)
