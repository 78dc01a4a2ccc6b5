"""REDCap's CSV export: one row an event, with columns that REDCap adds to the project's own."""

PLUMBING = (
    "redcap_event_name",
    "redcap_repeat_instrument",
    "redcap_repeat_instance",
    "redcap_data_access_group",
    "redcap_survey_identifier",
    "*_complete",  # status of each form
    "*_timestamp",  # when a survey was completed
)

# What a survey's timestamp says while the survey has been begun and not finished.
BLANKS = ("[not completed]",)
