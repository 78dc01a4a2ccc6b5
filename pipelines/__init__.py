"""The data pipeline for multi-site trials of internet-delivered cognitive therapy.

Packages import downwards only: assets → (landing, validation, warehouse, quality) → study → effects.
Dagster is imported in `assets` and `definitions`, and nowhere else.
"""

__version__ = "0.1.0"
