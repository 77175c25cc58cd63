-- name: calls_of_dataset
-- Calls of a data set in the order of a trace's rows: one row a call.
-- Time first; then session, growing history, identity. Without a time: file, line, identity.
select c.*, s.path as source_file, s.format, m.line,
    case when c.session_id = '' then 'call:' || lpad(lower(to_hex(c.key_hi)), 16, '0') || lpad(lower(to_hex(c.key_lo)), 16, '0')
         else c.session_id end as session,
    c.session_id <> '' as session_known
from members m join calls c using (call) join sources s using (source)
where m.dataset = $dataset
order by c.at_us nulls first,
    case when c.at_us is null then s.path else c.session_id end,
    case when c.at_us is null then m.line else len(coalesce(c.request, [])) end,
    case when c.at_us is null then 0 else c.input_tokens end,
    c.key_hi, c.key_lo;

-- name: calls_of_store
-- The best copy of every call of all data sets, in the same order: one row a call.
select c.*, s.path as source_file, s.format, m.line,
    case when c.session_id = '' then 'call:' || lpad(lower(to_hex(c.key_hi)), 16, '0') || lpad(lower(to_hex(c.key_lo)), 16, '0')
         else c.session_id end as session,
    c.session_id <> '' as session_known
from chosen h join members m on m.rowid = h."row" join calls c using (call) join sources s using (source)
order by c.at_us nulls first,
    case when c.at_us is null then s.path else c.session_id end,
    case when c.at_us is null then m.line else len(coalesce(c.request, [])) end,
    case when c.at_us is null then 0 else c.input_tokens end,
    c.key_hi, c.key_lo;

-- name: segments_of_trace
-- The blocks of the bound view `wanted` (id, place) in its order: one row a block, without its text.
select s.digest_hi, s.digest_lo, s.kind, s.name, s.bytes, s.tokens,
    s.has_text and (s.text is not null or s.raw is not null) as has_text
from wanted w join segments s using (id) order by w.place;

-- name: texts_of_segments
-- Texts of the bound view `wanted` (id, place) in its order: one row a block.
select w.place, s.text, s.raw from wanted w join segments s using (id) order by w.place;

-- name: settings_of_trace
-- Parameters of requests of the bound view `wanted` (id, place) in its order, whole where they are kept
-- whole: one row an id, "" for none.
select coalesce(r.settings, '')
from wanted w left join (select id, arg_max(settings, whole) as settings from request_settings group by id) r
    using (id)
order by w.place;

-- name: dataset_sample_rate
-- The share of calls that a sampled log holds: one row where the data set is known.
select sample_rate from datasets where dataset = $dataset;

-- name: datasets
-- Data sets, the last one read first: one row a data set, with its calls and files.
select dataset, calls, files, rejected, sample_rate from v_datasets;

-- name: all_sources
-- The files of all data sets with their counts: one row a file, in the order of their names.
select path, format, records, accepted, rejected, duplicates, skipped from sources order by path, source;
