"""Thin Dagster assets: each says what, calls one function that does it, and returns metadata."""

import warnings

from dagster import BetaWarning

# BackfillPolicy.single_run makes a night over all sites one run; dagster is pinned below its next minor version.
warnings.filterwarnings("ignore", category=BetaWarning, message=".*backfill_policy.*")
