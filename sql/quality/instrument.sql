-- The rule behind every parameter: one row a parameter, as its instrument file states it. `verified` says whether
-- somebody read the rule in its source, `unsure` what nobody has read, `missing_rule` whose the rule for missing items is.
WITH allowed AS (
    SELECT
        paramcd,
        string_agg(
            CAST(missing_allowed AS VARCHAR) || ' of ' || CAST(n_items AS VARCHAR), ' and ' ORDER BY part
        ) AS missing_allowed
    FROM study.score_part
    GROUP BY paramcd
),
bands AS (
    SELECT
        paramcd,
        string_agg(label || ' from ' || format('{:g}', begins), ', ' ORDER BY begins) AS severity
    FROM study.score_band
    GROUP BY paramcd
),
thresholds AS (
    SELECT
        paramcd,
        string_agg(
            replace(name, '_', ' ') || coalesce(' in ' || country, '') || ' ' || format('{:g}', value)
                || CASE WHEN verified THEN '' ELSE ' (not verified)' END,
            ', ' ORDER BY name, country NULLS FIRST, value
        ) AS thresholds
    FROM study.published_threshold
    GROUP BY paramcd
)
SELECT
    s.paramcd,
    s.param,
    s.instrument,
    i.title,
    i.version,
    i.language,
    s.method,
    s.direction,
    s.n_items,
    s.minimum,
    s.maximum,
    a.missing_allowed,
    s.rounding,
    b.severity,
    t.thresholds,
    s.test_code,
    s.verified,
    i.unsure,
    i.missing_rule,
    i.missing_rule_verified,
    i.source
FROM study.score AS s
JOIN study.instrument AS i ON i.instrument = s.instrument
JOIN allowed AS a ON a.paramcd = s.paramcd
LEFT JOIN bands AS b ON b.paramcd = s.paramcd
LEFT JOIN thresholds AS t ON t.paramcd = s.paramcd
