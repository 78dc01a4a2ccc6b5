"""Thin Dagster assets: each says what, calls one function that does it, and returns metadata."""
