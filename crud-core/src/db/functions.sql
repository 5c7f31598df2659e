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

-- The words of some texts with their places, for `q=`: cut where SQLite's unicode61 cuts, in the first 50,000 characters of
-- each text, and with Latin, Greek and Cyrillic letters in lower case, as there, whatever the locale. No phrase goes from one
-- text to the next, and no text is too long. Indexes are made of it: who changes it has all of them made anew. It calls no
-- function of ours, since a dump is read back without a search path.
CREATE OR REPLACE FUNCTION crud_words(VARIADIC contents text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT coalesce(string_agg('''' || word || ''':' || place, ' '), '')::tsvector
    FROM (
        SELECT row_number() OVER (ORDER BY which, n) + which AS place,
            CASE WHEN octet_length(word) = length(word) THEN lower(word COLLATE "C")
            ELSE translate(lower(word COLLATE "C"),
                'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȀȂȄȆȈȊȌȎ'
                'ȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠ'
                'ѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮḀ'
                'ḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲṴṶṸṺṼṾẀẂẄẆẈẊẌẎẐẒẔẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒ'
                'ỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾςµ',
                'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžȁȃȅȇȉȋȍȏ'
                'ȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюяѡ'
                'ѣѥѧѩѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯḁ'
                'ḃḅḇḉḋḍḏḑḓḕḗḙḛḝḟḡḣḥḧḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳṵṷṹṻṽṿẁẃẅẇẉẋẍẏẑẓẕạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồ'
                'ổỗộớờởỡợụủứừửữựỳỵỷỹỻỽỿσμ')
            END AS word
        FROM unnest(contents) WITH ORDINALITY AS contents (content, which),
            regexp_split_to_table(left(content, 50000) COLLATE "C", '[\u0001-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4'
                '\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2775\u2794-\u2bff'
                '\u3000-\u3004\u3008-\u3020\ufe30-\ufe6f\ufeff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65'
                '\ufffc\ufffd\U0001f300-\U0001faff]+') WITH ORDINALITY AS parts (part, n),
            left(part, 255) AS word
        WHERE word <> ''
    ) AS placed
$$;
