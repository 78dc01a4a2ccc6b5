"""Other ways to the same sessions and participant-weeks from the same three CSV files: each a short program, written
as its users would, `<program> SITE_FOLDER RESULT_FOLDER AS_OF`. None of them validates, keeps or publishes anything."""
