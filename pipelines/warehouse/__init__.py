"""From accepted rows to a published snapshot: the SQL graph, the build database, digests, blinding, queries."""
