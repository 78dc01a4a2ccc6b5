-- What each delivery of the log says of a person and module, and how long that was held true: one row a site,
-- number, module, delivery and interval. core.usage_told with the place of the delivery in the feed's sequence.
SELECT
    t.site_id,
    t.subject_id,
    t.module,
    d.sequence,
    coalesce(t.valid_from, d.place) AS valid_from,
    t.valid_to,
    t.first_on,
    t.last_on,
    t.n_own,
    t.released_at,
    t.opened_at,
    t.completed_at
FROM core.usage_told AS t
JOIN core.counted_delivery AS d ON d.delivery_id = t.delivery_id
