"""What the status asks of the unblinded snapshot: counts, names of files and rules only."""

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
