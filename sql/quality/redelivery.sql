-- The ledger of corrections: one row a delivery that counts, with what it did to the records of its site and feed.
-- rows_prev + n_added - n_withdrawn = rows_now; changed records are in both. Records are people, and answers to forms
-- that all arms have; only deliveries that everybody may know of. n_primary_changed: cells of the primary outcome that
-- it changed or withdrew.
WITH interval AS (
    SELECT 'participants' AS feed, site_id, record_key, valid_from_seq, valid_to_seq
    FROM core.participants_history
    UNION ALL
    SELECT 'questionnaires' AS feed, q.site_id, q.record_key, q.valid_from_seq, q.valid_to_seq
    FROM core.questionnaires_history AS q
    CROSS JOIN study.setting AS s
    LEFT JOIN study.visit AS v ON upper(v.avisit) = upper(trim(q.visit))
    LEFT JOIN core.subject AS p ON p.usubjid = q.usubjid
    WHERE
        coalesce(v.shared_by_all_arms, TRUE)
        AND coalesce(upper(trim(q.visit)) <> upper(trim(s.weekly_label)), TRUE)
        AND coalesce(
            q.completed_on - p.reference_on < (SELECT max(window_to) FROM study.visit WHERE shared_by_all_arms), TRUE
        )
),
event AS (
    SELECT feed, site_id, record_key, valid_from_seq AS sequence, 1 AS begins, 0 AS ends FROM interval
    UNION ALL
    SELECT feed, site_id, record_key, valid_to_seq AS sequence, 0 AS begins, 1 AS ends FROM interval
    WHERE valid_to_seq IS NOT NULL
),
record AS (
    SELECT feed, site_id, sequence, record_key, max(begins) AS begins, max(ends) AS ends
    FROM event
    GROUP BY feed, site_id, sequence, record_key
),
step AS (
    SELECT
        feed, site_id, sequence,
        count(*) FILTER (WHERE begins = 1 AND ends = 0) AS n_added,
        count(*) FILTER (WHERE begins = 1 AND ends = 1) AS n_changed,
        count(*) FILTER (WHERE begins = 0 AND ends = 1) AS n_withdrawn
    FROM record
    GROUP BY feed, site_id, sequence
),
delivery AS (
    SELECT d.delivery_id, d.site_id, d.feed, d.stream, d.sequence, i.place, shown.delivery_id IS NOT NULL AS shown
    FROM core.counted_delivery AS d
    JOIN input.delivery AS i ON i.delivery_id = d.delivery_id
    LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    WHERE d.feed IN ('participants', 'questionnaires')
),
held AS (
    SELECT
        d.*,
        coalesce(s.n_added, 0) AS n_added,
        coalesce(s.n_changed, 0) AS n_changed,
        coalesce(s.n_withdrawn, 0) AS n_withdrawn,
        sum(coalesce(s.n_added, 0) - coalesce(s.n_withdrawn, 0)) OVER (
            PARTITION BY d.site_id, d.feed ORDER BY d.sequence
        ) AS rows_now
    FROM delivery AS d
    LEFT JOIN step AS s ON s.feed = d.feed AND s.site_id = d.site_id AND s.sequence = d.sequence
),
primary_change AS (
    SELECT c.new_delivery_id AS delivery_id, count(*) AS n_primary_changed
    FROM quality.change AS c
    SEMI JOIN interval AS i ON i.feed = c.feed AND i.site_id = c.site_id AND i.record_key = c.record_key
    WHERE c.is_primary_outcome AND c.change IN ('corrected', 'withdrawn')
    GROUP BY c.new_delivery_id
)
SELECT
    h.delivery_id,
    h.site_id,
    h.feed,
    h.stream,
    CAST(timezone(site.timezone, h.place) AS DATE) AS arrived_on,
    CAST(h.rows_now - h.n_added + h.n_withdrawn AS BIGINT) AS rows_prev,
    h.n_added,
    h.n_changed,
    h.n_withdrawn,
    CAST(h.rows_now AS BIGINT) AS rows_now,
    coalesce(c.n_primary_changed, 0) AS n_primary_changed
FROM held AS h
JOIN study.site AS site ON site.site_id = h.site_id
LEFT JOIN primary_change AS c ON c.delivery_id = h.delivery_id
WHERE h.shown
