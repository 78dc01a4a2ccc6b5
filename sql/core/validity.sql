-- When which version of a record counted: one row for each interval in which one content counted.
--
-- In one stream a version counts from its delivery on until the stream names the record again, or until a full
-- export leaves it out. A mention that was refused upholds, or restores, the version accepted last.
-- Of several streams of a site and feed, the version delivered last counts. A version that is merely repeated
-- starts no new interval; the delivery is that of its last repetition. Of the log only what ever changed.
WITH traced AS (
    SELECT m.*
    FROM core.mention AS m
    SEMI JOIN core.record AS r
        ON r.feed = m.feed AND r.site_id = m.site_id AND r.record_key = m.record_key AND NOT r.settled
),
upheld AS (
    SELECT
        feed, site_id, record_key, stream, sequence, replaced_by_seq,
        last_value(CASE WHEN content IS NOT NULL THEN sequence END IGNORE NULLS) OVER up_to_here AS version_seq,
        last_value(content IGNORE NULLS) OVER up_to_here AS content,
        lead(sequence) OVER mentions AS next_seq
    FROM traced
    WINDOW
        mentions AS (PARTITION BY feed, site_id, record_key, stream ORDER BY sequence, content NULLS LAST),
        up_to_here AS (
            PARTITION BY feed, site_id, record_key, stream ORDER BY sequence, content NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),
in_stream AS (
    SELECT feed, site_id, record_key, stream, sequence AS since_seq, version_seq, content
    FROM upheld
    WHERE next_seq IS NULL OR next_seq > sequence
    UNION ALL
    SELECT feed, site_id, record_key, stream, replaced_by_seq AS since_seq, NULL AS version_seq, NULL AS content
    FROM upheld
    WHERE replaced_by_seq < next_seq OR (replaced_by_seq IS NOT NULL AND next_seq IS NULL)
),
moment AS (
    SELECT DISTINCT feed, site_id, record_key, since_seq FROM in_stream
),
stream AS (
    SELECT DISTINCT feed, site_id, record_key, stream FROM in_stream
),
said AS (
    SELECT m.feed, m.site_id, m.record_key, m.since_seq, s.stream
    FROM moment AS m
    JOIN stream AS s ON s.feed = m.feed AND s.site_id = m.site_id AND s.record_key = m.record_key
),
over_streams AS (
    SELECT
        m.feed, m.site_id, m.record_key, m.since_seq,
        max(s.version_seq) AS version_seq,
        arg_max(s.content, s.version_seq) AS content
    FROM said AS m
    ASOF LEFT JOIN in_stream AS s
        ON s.feed = m.feed AND s.site_id = m.site_id AND s.record_key = m.record_key AND s.stream = m.stream
        AND m.since_seq >= s.since_seq
    GROUP BY m.feed, m.site_id, m.record_key, m.since_seq
),
compared AS (
    SELECT
        *,
        lead(since_seq) OVER record AS until_seq,
        content IS DISTINCT FROM lag(content) OVER record AS begins
    FROM over_streams
    WINDOW record AS (PARTITION BY feed, site_id, record_key ORDER BY since_seq)
),
numbered AS (
    SELECT
        *,
        sum(CASE WHEN begins THEN 1 ELSE 0 END) OVER (
            PARTITION BY feed, site_id, record_key ORDER BY since_seq
        ) AS interval_no
    FROM compared
),
validity AS (
    SELECT
        feed, site_id, record_key,
        arg_max(version_seq, since_seq) AS version_seq,
        min(since_seq) AS valid_from_seq,
        CASE WHEN count(until_seq) = count(*) THEN max(until_seq) END AS valid_to_seq
    FROM numbered
    WHERE content IS NOT NULL
    GROUP BY feed, site_id, record_key, interval_no
    UNION ALL
    SELECT feed, site_id, record_key, last_seq AS version_seq, first_seq AS valid_from_seq, NULL AS valid_to_seq
    FROM core.record
    WHERE settled AND feed <> 'usage'
)
SELECT
    v.feed,
    v.site_id,
    v.record_key,
    version.delivery_id,
    v.valid_from_seq,
    v.valid_to_seq,
    since.place AS valid_from,
    until.place AS valid_to
FROM validity AS v
JOIN core.counted_delivery AS version ON version.sequence = v.version_seq
JOIN core.counted_delivery AS since ON since.sequence = v.valid_from_seq
LEFT JOIN core.counted_delivery AS until ON until.sequence = v.valid_to_seq
