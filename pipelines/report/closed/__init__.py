"""The closed report: by treatment arm, coded, for the independent statistician. The nightly never makes it.

`arm_codes` gives the arms their letters, `closed_data` is what the report may read, `arms` what its sections share,
`sections` one module a section. Page, tables, fonts and PDF are those of `pipelines.report.board`.
"""
