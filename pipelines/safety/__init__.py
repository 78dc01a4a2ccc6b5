"""Alerts that a clinician must see, and who acknowledged them."""
