"""What the status asks of a snapshot: counts, names of files and rules only.

The blinded file lacks columns that some of these read; for it stand the questions whose names end in BLINDED. Every
column that is read of it is marked safe.
"""

RECEIVED = """
    SELECT
        site_id,
        feed,
        count(*) AS n_files,
        count(*) FILTER (WHERE status = 'rejected') AS n_rejected,
        count(*) FILTER (WHERE status = 'held') AS n_held,
        count(*) FILTER (WHERE status = 'repeat') AS n_repeat,
        CAST(coalesce(sum(n_rows), 0) AS BIGINT) AS n_rows,
        CAST(coalesce(sum(n_accepted), 0) AS BIGINT) AS n_accepted,
        CAST(coalesce(sum(n_quarantined), 0) AS BIGINT) AS n_quarantined,
        CAST(coalesce(sum(n_duplicate), 0) AS BIGINT) AS n_duplicate
    FROM quality.delivery
    WHERE delivery_id IN (SELECT unnest(CAST($received AS VARCHAR[])))
    GROUP BY site_id, feed
    ORDER BY site_id, feed
"""
QUARANTINE = """
    SELECT q.site_id, q.feed, q.rule, q.column_name, q.message, count(DISTINCT (q.delivery_id, q.row_no)) AS n_rows
    FROM quality.quarantine AS q
    JOIN quality.delivery AS d ON d.delivery_id = q.delivery_id
    WHERE d.stands
    GROUP BY ALL
    ORDER BY n_rows DESC, q.site_id, q.feed, q.rule, q.column_name, q.message
"""
REFUSED = """
    SELECT site_id, feed, file_name, status, reason, received_at, delivery_id
    FROM quality.delivery
    WHERE stands AND status IN ('rejected', 'held')
    ORDER BY received_at DESC, site_id, feed, file_name
"""
REFUSED_BLINDED = """
    SELECT
        site_id, feed, CAST(NULL AS VARCHAR) AS file_name, status, CAST(NULL AS VARCHAR) AS reason,
        received_at, delivery_id
    FROM quality.delivery
    WHERE stands AND status IN ('rejected', 'held')
    ORDER BY received_at DESC, site_id, feed, delivery_id
"""
OVERDUE_DELIVERIES = """
    SELECT site_id, feed, stream, expected_every_days, last_on, due_on
    FROM quality.arrival
    WHERE overdue
    ORDER BY site_id, feed, stream
"""
OVERDUE_VISITS = """
    SELECT site_id, avisit, instrument, n_expected, n_received, n_overdue
    FROM quality.completeness
    WHERE n_overdue > 0
    ORDER BY n_overdue DESC, site_id, avisit, instrument
"""
CHECKS = """
    SELECT status, check_name, site_id, dimension, severity, n_failed, n_checked, tolerance, message
    FROM quality.check_result
    WHERE status <> 'OK'
    ORDER BY
        list_position(['BROKEN', 'NO_DATA', 'ACTION', 'WATCH', 'TOO_FEW', 'NOT_APPLICABLE'], status),
        check_name, site_id
"""
OPEN_QUERIES = """
    SELECT
        site_id,
        severity,
        count(*) AS n_open,
        count(*) FILTER (WHERE age_days <= 7) AS n_of_a_week,
        count(*) FILTER (WHERE age_days > 7 AND age_days <= 30) AS n_of_a_month,
        count(*) FILTER (WHERE age_days > 30) AS n_older,
        max(age_days) AS oldest_days
    FROM quality.data_query
    WHERE status IN ('open', 'miscorrected')
    GROUP BY site_id, severity
    ORDER BY site_id, severity
"""
ALERTS = """
    SELECT
        site_id,
        severity,
        count(*) AS n_waiting,
        count(*) FILTER (WHERE status = 'overdue') AS n_overdue,
        min(CAST(noticed_at AS DATE)) AS oldest_on
    FROM safety.alert
    WHERE status IN ('open', 'overdue')
    GROUP BY site_id, severity
    ORDER BY n_overdue DESC, severity DESC, site_id
"""
SITES = "SELECT DISTINCT site_id FROM quality.check_result ORDER BY site_id"
OVERDUE = """
    SELECT
        site_id,
        count(*) FILTER (WHERE kind = 'delivery') AS n_deliveries,
        count(*) FILTER (WHERE kind = 'visit_form') AS n_visit_forms,
        count(*) FILTER (WHERE kind = 'weekly_form') AS n_weekly_forms,
        count(DISTINCT subject_id) AS n_people,
        max(days_overdue) AS longest_days
    FROM quality.overdue
    GROUP BY site_id
    ORDER BY site_id
"""
OVERDUE_BLINDED = """
    SELECT
        f.site_id,
        count(o.owed_id) AS n_deliveries,
        any_value(f.n_overdue) AS n_visit_forms,
        CAST(NULL AS BIGINT) AS n_weekly_forms,
        CAST(NULL AS BIGINT) AS n_people,
        max(o.days_overdue) AS longest_days
    FROM (
        SELECT site_id, CAST(coalesce(sum(n_overdue), 0) AS BIGINT) AS n_overdue FROM quality.completeness
        GROUP BY site_id
    ) AS f
    LEFT JOIN quality.overdue AS o ON o.site_id = f.site_id AND o.kind = 'delivery'
    GROUP BY f.site_id
    HAVING n_deliveries > 0 OR n_visit_forms > 0
    ORDER BY f.site_id
"""
DRIFT = """
    SELECT
        d.severity, d.site_id, d.feed, d.stream, d.change, d.column_name, d.variable, d.was, d.became,
        delivery.file_name, d.delivery_id
    FROM quality.drift AS d
    JOIN quality.delivery AS delivery ON delivery.delivery_id = d.delivery_id
    WHERE d.stands
    ORDER BY
        list_position(['critical', 'warning', 'notice'], d.severity),
        d.site_id, d.feed, d.stream, d.change, d.delivery_id, d.column_name, d.variable
"""
DRIFT_BLINDED = """
    SELECT
        severity, site_id, feed, stream, change, column_name, variable,
        CAST(NULL AS VARCHAR) AS was, CAST(NULL AS VARCHAR) AS became, CAST(NULL AS VARCHAR) AS file_name, delivery_id
    FROM quality.drift
    WHERE stands
    ORDER BY
        list_position(['critical', 'warning', 'notice'], severity),
        site_id, feed, stream, change, delivery_id, column_name, variable
"""
ROWS_BY_NIGHT = """
    SELECT
        site_id,
        CAST(received_at AS DATE) AS day,
        CAST(coalesce(sum(n_accepted), 0) AS BIGINT) AS n_accepted,
        CAST(coalesce(sum(n_quarantined), 0) AS BIGINT) AS n_quarantined,
        CAST(coalesce(sum(n_duplicate), 0) AS BIGINT) AS n_duplicate,
        count(*) FILTER (WHERE status IN ('rejected', 'held')) AS n_refused
    FROM quality.delivery
    WHERE CAST(received_at AS DATE) > CAST($last AS DATE) - 28
    GROUP BY site_id, CAST(received_at AS DATE)
    ORDER BY site_id, day
"""
CHECK_STATUSES = "SELECT check_name, site_id, status, message FROM quality.check_result ORDER BY check_name, site_id"
QUERY_STATUSES = "SELECT query_id, site_id, status IN ('open', 'miscorrected') AS is_open FROM quality.data_query"
FORMS_OVERDUE = """
    SELECT site_id, CAST(coalesce(sum(n_overdue), 0) AS BIGINT) AS n_overdue FROM quality.completeness
    GROUP BY site_id ORDER BY site_id
"""
