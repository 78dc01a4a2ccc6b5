"""What the appendices say in every report."""

from __future__ import annotations

VALIDATION = (
    "Every number here stands in a table of the published snapshot, whose digest is printed with the figure; the "
    "report itself reckons nothing. The same snapshot and study file give the same report, byte for byte.",
    "It is made from the blinded file alone, and of it only from columns that nobody has to be kept from. That file "
    "is built from nothing else; tests permute the arms and compare the report before and after.",
    "What is tested, and how, stands in the tests that come with the program; a pack of evidence, requirement by "
    "requirement, is not yet made. Whether an installation is validated is for those to say who run it.",
)
GLOSSARY = (
    ("Cut-off", "The day that counts as today in every number of the report."),
    ("Denominator", "The records a rule applies to: the N of n/N."),
    ("Handle", "A name for a record that says nothing of the person. The site's own list says which record it is."),
    ("Tolerance", "The share of failures that was accepted before the data were seen, with its reason in appendix A."),
    ("Overdue", "The window of a visit has closed with the person in the study, and no form has come."),
    ("Quarantined", "A delivered row that breaks a rule, set aside until the site sends it corrected."),
    ("By luck", "How many flags chance alone would be expected to raise, if every site were exactly at its tolerance."),
    ("Snapshot", "All tables as published on one night; it never changes afterwards."),
)

# What the nights before left in the store is in no snapshot, and so in no snapshot's dictionary.
KEPT = {
    "board.audit": "Whether the audit trail's chain held on the night that published the snapshot.",
    "board.changed_status": "Indicators and checks whose status differs from that of the last pack.",
    "board.explained": "Why each number moved since the last pack: each record that came, went or changed is counted "
    "under the first reason that holds, so that the parts add up to the difference. What is no sum (ages, medians, "
    "shares of a curve, months, rates, the plan to date, the forecast, the comparisons of section 10, chances and "
    "intervals) is reckoned again after each step of a fixed order: new people, new visits, late entries, corrections, "
    "queries, rules, dictionary, the calendar; a part is what its step moved, rounded as shown. Files of a day since "
    "the last pack, and their rows, count as new visits.",
    "board.moved": "Numbers that moved since the last pack, then and now.",
    "board.night": "Runs of the nightly, and what came of each.",
    "board.verification": "When a snapshot was last verified: built again from the stored originals or from a backup, "
    "and held against what was published.",
    "board.rule_change": "What of study file, program, libraries and thresholds differs from the last pack's.",
}
