"""From files to rows that can be trusted: mapping, contracts, quarantine, duplicates, and what became of each."""
