-- Every record that was ever delivered: one row a record, with its first and last mention. Of the log, only
-- the events that core.mention tells of.
--
-- A settled record has never changed: one stream brought it, always with the same content, never refused, and
-- every full export of that stream since has named it. Only the others have to be traced.
SELECT
    feed,
    site_id,
    record_key,
    min(sequence) AS first_seq,
    max(sequence) AS last_seq,
    count(content) = count(*)
        AND min(stream) = max(stream)
        AND min(content) = max(content)
        AND count(*) FILTER (WHERE is_full) = max(n_full_since) AS settled
FROM core.mention
GROUP BY feed, site_id, record_key
