-- Use over time: one row a site and study week, of everybody who could use the programme in it. Of n_people the log is
-- known for n_known, and for n_certified every day of the week is certified as used or not used; n_active had a
-- session. Shares of use are n_active_certified of n_certified.
SELECT
    siteid,
    week_no,
    count(*) AS n_people,
    count(n_sessions) AS n_known,
    count(*) FILTER (WHERE n_days_certified = n_days AND n_days > 0) AS n_certified,
    count(*) FILTER (WHERE n_sessions > 0) AS n_active,
    count(*) FILTER (WHERE n_sessions > 0 AND n_days_certified = n_days AND n_days > 0) AS n_active_certified,
    CAST(sum(n_days_certified) AS BIGINT) AS n_days_certified,
    CAST(sum(n_days_used) AS BIGINT) AS n_days_used,
    CAST(sum(n_sessions) AS BIGINT) AS n_sessions,
    CAST(sum(active_us) AS BIGINT) / 60000000.0 AS active_minutes
FROM engagement.participant_week
GROUP BY siteid, week_no
