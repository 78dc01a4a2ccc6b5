-- Rows that were set aside, as faults: one row a refused cell or row and the interval in which it was the last word.
--
-- It is over when a later delivery holds the record, accepted or refused anew; when a full export of the stream comes;
-- and, where the record could not be told from others, when the same file comes again.
-- Record keys are those of the feed, without a label that is no visit's; a row without key is told by its place in the
-- stream (full exports) or file. Many rows of a delivery that failed alike are one record, the column.
WITH refused AS (
    SELECT
        q.delivery_id, q.site_id, q.feed, q.row_no, q.rule, q.column_name, q.message, q.record_key,
        d.stream, d.sequence, d.is_full, d.replaced_by_seq, i.file_name,
        count(*) OVER (PARTITION BY q.delivery_id, q.rule, q.column_name) AS n_alike
    FROM input.quarantine AS q
    JOIN core.counted_delivery AS d ON d.delivery_id = q.delivery_id
    JOIN input.delivery AS i ON i.delivery_id = q.delivery_id
),
refused_key AS (
    SELECT DISTINCT site_id, feed, record_key FROM refused WHERE record_key IS NOT NULL
),
told AS (
    SELECT m.site_id, m.feed, m.record_key, m.sequence
    FROM core.mention AS m
    SEMI JOIN refused_key AS k ON k.site_id = m.site_id AND k.feed = m.feed AND k.record_key = m.record_key
    UNION
    SELECT u.site_id, 'usage' AS feed, u.record_key, d.sequence
    FROM input.usage AS u
    SEMI JOIN refused_key AS k ON k.site_id = u.site_id AND k.feed = 'usage' AND k.record_key = u.record_key
    JOIN core.counted_delivery AS d ON d.delivery_id = u.delivery_id
),
told_next AS (
    SELECT
        site_id, feed, record_key, sequence,
        lead(sequence) OVER (PARTITION BY site_id, feed, record_key ORDER BY sequence) AS next_seq
    FROM told
),
file_next AS (
    SELECT
        delivery_id,
        lead(sequence) OVER (PARTITION BY site_id, feed, stream, file_name ORDER BY sequence) AS next_seq
    FROM input.delivery
    WHERE status IN ('accepted', 'partial')
),
ended AS (
    SELECT
        r.*,
        least(r.replaced_by_seq, CASE WHEN r.record_key IS NULL THEN f.next_seq ELSE t.next_seq END) AS until_seq,
        string_split(r.record_key, '|') AS parts
    FROM refused AS r
    JOIN file_next AS f ON f.delivery_id = r.delivery_id
    LEFT JOIN told_next AS t
        ON t.site_id = r.site_id AND t.feed = r.feed AND t.record_key = r.record_key AND t.sequence = r.sequence
),
named AS (
    SELECT
        e.*,
        CASE
            WHEN e.n_alike >= rule.together_from THEN concat_ws('|', e.stream, e.column_name)
            WHEN e.record_key IS NULL AND e.is_full THEN concat_ws('#', e.stream, e.row_no)
            WHEN e.record_key IS NULL THEN concat_ws('#', e.stream, left(sha256(e.file_name), 8), e.row_no)
            WHEN e.feed <> 'questionnaires' THEN e.record_key
            ELSE concat_ws(
                '|', e.parts[1], e.parts[2],
                coalesce(v.avisit, CASE WHEN upper(trim(e.parts[3])) = upper(trim(s.weekly_label)) THEN s.weekly_label END, ''),
                e.parts[-2], e.parts[-1]
            )
        END AS named_key,
        CASE
            WHEN e.n_alike < rule.together_from AND e.feed IN ('participants', 'allocation', 'questionnaires')
                THEN e.parts[1]
        END AS subject_id,
        e.n_alike >= rule.together_from AS together
    FROM ended AS e
    JOIN study.query_rule AS rule ON rule.rule = 'quarantined_' || e.feed AND rule.used
    CROSS JOIN study.setting AS s
    LEFT JOIN study.visit AS v ON e.feed = 'questionnaires' AND upper(v.avisit) = upper(trim(e.parts[3]))
)
SELECT
    n.site_id,
    n.feed,
    n.rule,
    n.column_name,
    n.subject_id,
    n.named_key AS record_key,
    min(since.place) AS known_from,
    until.place AS known_to,
    max(n.message) AS message,
    n.sequence,
    bool_or(n.feed IN ('participants', 'questionnaires') AND shown.delivery_id IS NULL) AS one_arm
FROM named AS n
JOIN core.counted_delivery AS since ON since.sequence = n.sequence
LEFT JOIN core.counted_delivery AS until ON until.sequence = n.until_seq
LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = n.delivery_id
GROUP BY n.site_id, n.feed, n.rule, n.column_name, n.subject_id, n.named_key, until.place, n.sequence
