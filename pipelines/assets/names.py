"""The names of the jobs, by which people and other runs know them."""

NIGHTLY = "nightly"
INGEST = "ingest"
