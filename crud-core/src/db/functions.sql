-- A JSON merge patch (RFC 7396), as SQLite's json_patch does it.
CREATE OR REPLACE FUNCTION crud_merge_patch(target jsonb, patch jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS
$$
    SELECT CASE WHEN jsonb_typeof(patch) <> 'object' THEN patch ELSE coalesce((
        SELECT jsonb_object_agg(key, value) FROM (
            SELECT t.key, t.value
            FROM jsonb_each(CASE WHEN jsonb_typeof(target) = 'object' THEN target ELSE '{}' END) AS t
            WHERE NOT patch ? t.key
            UNION ALL
            SELECT p.key,
                CASE WHEN jsonb_typeof(p.value) = 'object'
                    THEN crud_merge_patch(target -> p.key, p.value)
                    ELSE p.value END
            FROM jsonb_each(patch) AS p
            WHERE jsonb_typeof(p.value) <> 'null'
        ) AS merged
    ), '{}') END
$$;
