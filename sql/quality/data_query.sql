-- Data queries: one row a query, over all the time in which its fault came and went.
--
-- Open: the fault is there. Miscorrected: it is there, and a wrong value that was there before has gone. Closed: it
-- is gone. Answered: it is there, and somebody said that it is right as it is (which holds until the value
-- changes), or that it was resolved (which holds until the record's source is delivered again). An answer is to the
-- fault as it stood: when it comes back after it was gone, the answer no longer counts.
-- opened_on, closed_on: calendar days at the site.
WITH reached AS (
    SELECT
        *,
        max(coalesce(known_to, CAST('infinity' AS TIMESTAMPTZ))) OVER (
            PARTITION BY query_id ORDER BY known_from, known_to NULLS LAST, version
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reaches
    FROM quality.fault
),
told AS (
    SELECT
        *,
        sum(CASE WHEN reaches >= known_from THEN 0 ELSE 1 END) OVER (
            PARTITION BY query_id ORDER BY known_from, known_to NULLS LAST, version
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS episode
    FROM reached
),
last_episode AS (
    SELECT t.*
    FROM told AS t
    QUALIFY t.episode = max(t.episode) OVER (PARTITION BY t.query_id)
),
standing AS (
    SELECT
        query_id,
        max(episode) AS episode,
        CASE WHEN count(known_to) = count(*) THEN max(known_to) END AS known_to,
        count(DISTINCT version) > count(DISTINCT CASE WHEN known_to IS NULL THEN version END) AS value_has_gone,
        string_agg(DISTINCT CASE WHEN known_to IS NULL THEN version END, ',' ORDER BY CASE WHEN known_to IS NULL THEN version END)
            AS version,
        max(sequence) AS sequence
    FROM last_episode
    GROUP BY query_id
),
query AS (
    SELECT
        t.query_id, t.rule, t.family, t.site_id, t.feed, t.record_key, t.column_name,
        max(t.subject_id) AS subject_id,
        arg_max(t.message, t.known_from) AS message,
        min(t.known_from) AS known_from,
        bool_or(t.one_arm) AS one_arm
    FROM told AS t
    GROUP BY t.query_id, t.rule, t.family, t.site_id, t.feed, t.record_key, t.column_name
),
arrived AS (
    SELECT
        site_id, feed, stream, max(sequence) AS sequence
    FROM input.delivery
    WHERE status IN ('accepted', 'partial', 'repeat')
    GROUP BY site_id, feed, stream
),
answer AS (
    SELECT *
    FROM input.answer
    QUALIFY row_number() OVER (PARTITION BY query_id ORDER BY given_at DESC, answer_id) = 1
),
known AS (
    SELECT
        q.*, s.episode, s.known_to, s.value_has_gone, left(sha256(coalesce(s.version, '')), 16) AS version,
        newest.delivery_id AS last_delivery_id,
        a.status AS answer, a.given_by AS answered_by,
        coalesce(
            a.episode = s.episode AND CASE a.status
                WHEN 'confirmed' THEN a.version = left(sha256(coalesce(s.version, '')), 16)
                ELSE a.last_delivery_id = newest.delivery_id
            END,
            FALSE
        ) AS holds
    FROM query AS q
    JOIN standing AS s ON s.query_id = q.query_id
    JOIN input.delivery AS told_in ON told_in.sequence = s.sequence
    JOIN arrived AS r ON r.site_id = told_in.site_id AND r.feed = told_in.feed AND r.stream = told_in.stream
    JOIN input.delivery AS newest ON newest.sequence = r.sequence
    LEFT JOIN answer AS a ON a.query_id = q.query_id
),
dated AS (
    SELECT
        k.*,
        CAST(timezone(site.timezone, k.known_from) AS DATE) AS opened_on,
        CAST(timezone(site.timezone, k.known_to) AS DATE) AS closed_on
    FROM known AS k
    JOIN study.site AS site ON site.site_id = k.site_id
)
SELECT
    d.query_id,
    d.rule,
    r.severity,
    d.site_id,
    d.subject_id,
    d.record_key,
    d.message,
    d.opened_on,
    d.closed_on,
    CASE
        WHEN d.known_to IS NOT NULL THEN 'closed'
        WHEN d.holds THEN 'answered'
        WHEN d.value_has_gone THEN 'miscorrected'
        ELSE 'open'
    END AS status,
    CAST(d.episode - 1 AS BIGINT) AS n_reopened,
    d.answer,
    d.answered_by,
    greatest(coalesce(d.closed_on, t.as_of) - d.opened_on, 0) AS age_days,
    d.feed,
    d.column_name,
    d.last_delivery_id,
    d.version,
    CASE WHEN r.blinding = 'safe' AND NOT d.one_arm THEN 'safe' ELSE 'revealing' END AS blinding,
    NOT (r.tells_arm OR d.one_arm) AS for_site_list
FROM dated AS d
JOIN study.query_rule AS r ON r.rule = d.family
CROSS JOIN study.setting AS t
