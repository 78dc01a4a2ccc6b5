-- Every contact that a therapist logged, as delivered last: one row a contact.
-- What counts are the rows of standing deliveries but for older versions of a key,
-- and versions from before that are upheld because the newer one is in quarantine.
WITH current_row AS (
    SELECT r.*
    FROM input.contacts AS r
    SEMI JOIN core.standing_delivery AS d ON d.delivery_id = r.delivery_id
    ANTI JOIN core.contested AS older
        ON older.feed = 'contacts' AND older.site_id = r.site_id
        AND older.record_key = r.record_key AND older.delivery_id = r.delivery_id AND NOT older.counts
    UNION ALL
    SELECT r.*
    FROM input.contacts AS r
    SEMI JOIN core.contested AS upheld
        ON upheld.feed = 'contacts' AND upheld.site_id = r.site_id
        AND upheld.record_key = r.record_key AND upheld.delivery_id = r.delivery_id
        AND upheld.counts AND NOT upheld.standing
)
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.contact_id,
    r.subject_id,
    r.occurred_at,
    r.occurred_on,
    r.clock_note,
    r.kind,
    r.direction,
    r.minutes,
    r.therapist_id,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM current_row AS r
CROSS JOIN study.setting AS s
