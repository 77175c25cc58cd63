-- name: stage_create
-- Calls of the running ingest, one row a record, as read; gone when the ingest ends.
create or replace temp table stage as
select 0::bigint as "row", 0::bigint as source, 0::integer as line, * exclude (call)
from calls where false;

-- name: refused_create
-- Refused records of the running ingest, as `rejections`.
create or replace temp table refused as from rejections limit 0;

-- name: passed_create
-- Span links of the running ingest, as `links`.
create or replace temp table passed as from links limit 0;

-- name: threads_one
-- One thread of DuckDB beside the one that reads.
set threads = 1;

-- name: threads_all
-- As many as the machine has.
reset threads;

-- name: stage_add
-- Adds a batch (bound view `batch`): one row a call.
insert into stage by name select * from batch;

-- name: segments_add
-- Adds the blocks of the bound view `fresh` to the store: one row a distinct block.
insert into segments by name select * from fresh;

-- name: settings_add
-- Adds parameters of requests (bound view `said`) that are not there yet: one row a distinct text.
insert into request_settings select id, whole, settings from said
where (id, whole) not in (select (id, whole) from request_settings);

-- name: segment_ids
-- Ids of blocks in the store: one row a block. With `$with_text`, those alone that lack no text.
select id from segments where not $with_text or not has_text or text is not null or raw is not null;

-- name: segments_without_text_drop
-- Blocks once stored without their text, of which the text is here now: one row goes for each.
delete from segments
where has_text and text is null and raw is null
  and id in (select id from segments where text is not null or raw is not null);

-- name: passed_add
-- One row a span of the bound view `found` that is no call but leads to one.
insert into passed by name select * from found;

-- name: refused_add
-- One row a refused record of the bound view `found`.
insert into refused by name select * from found;

-- name: links_add
-- The span links of the running ingest: one row a span.
insert into links from passed;

-- name: rejections_add
-- The refused records of the running ingest: one row a record.
insert into rejections from refused;

-- name: next_source
-- The number of the next file: one row.
select coalesce(max(source), 0) + 1 from sources;

-- name: next_turn
-- The number of the next data set read: one row.
select coalesce(max(turn), 0) + 1 from datasets;

-- name: sources_add
-- The files that were read (bound view `files`); what became of their calls is settled later.
insert into sources by name select * from files;

-- name: held_create
-- Calls already in the data set that the running ingest may replace: one row a member with its facts,
-- `row` below zero. Empty where the data set is read anew.
create or replace temp table held as
select -m.rowid - 1 as "row", m.source, m.line, c.* exclude (call)
from members m join calls c using (call)
where m.dataset = $dataset
  and (c.span or exists (from stage s where s.key_hi = c.key_hi and s.key_lo = c.key_lo));

-- name: candidates_of_ingest
-- What the running ingest chooses from: one row a record, with what decides between copies.
create or replace temp table candidates as
select "row", key_hi, key_lo, usage_state = 0 as known, version_us, output_tokens, input_tokens,
    s.path, line
from facts join sources s using (source);

-- name: candidates_of_store
-- What a reading of the whole store chooses from: one row a call of a data set (`row` is a member's).
create or replace temp table candidates as
select m.rowid as "row", key_hi, key_lo, usage_state = 0 as known, version_us, output_tokens,
    input_tokens, s.path, m.line
from members m join calls using (call) join sources s using (source);

-- name: contested
-- Records of keys whose best copies agree in state, version and tokens but not in content: one row a
-- record, with what its content hash is made over. Bound view `facts`: row and the facts of calls.
with tied as (
    select key_hi, key_lo, known, version_us, output_tokens, input_tokens
    from candidates group by all having count(*) > 1
), together as (
    select c."row", c.key_hi, c.key_lo, f.id, f.session_id, f.at_us, f.provider, f.model,
        f.service_tier, f.status, f.recorded_usd, f.usage_state, f.web_searches, f.requests,
        f.agent, f.task, f.request, f.response,
        [f.input_fresh, f.cache_read, f.cache_write_5m, f.cache_write_1h, f.cache_write_30m,
         f.cache_write_12h, f.cache_write_other, f.input_audio, f.input_image, f.cache_read_audio,
         f.output_text, f.output_reasoning, f.output_audio, f.output_image] as leaves
    from candidates c
    join tied using (key_hi, key_lo, known, version_us, output_tokens, input_tokens)
    join facts f on f."row" = c."row"
)
select * from together
qualify count(distinct hash(id, session_id, at_us, provider, model, service_tier, status, recorded_usd,
    usage_state, web_searches, requests, agent, task, leaves, request, response))
    over (partition by key_hi, key_lo) > 1
order by "row";

-- name: facts_of_ingest
-- Facts of the staged records and of the held calls by row.
create or replace temp view facts as from stage union all by name from held;

-- name: facts_of_store
-- Facts of the calls of all data sets by row of `members`.
create or replace temp view facts as
select m.rowid as "row", c.* from members m join calls c using (call);

-- name: digests_of_segments
-- The 128-bit content hash of the segment ids in the bound view `wanted`: one row an id.
select id, digest_hi, digest_lo from segments where id in (select id from wanted);

-- name: chosen_create
-- The one record of each key that stands for its call: with usage, latest, largest, by content, and
-- of equal copies the first by file and line. Bound view `contents`: row and content hash of ties.
create or replace temp table chosen as
select "row" from candidates left join contents using ("row")
qualify row_number() over (partition by key_hi, key_lo order by known desc, version_us desc,
    output_tokens desc, input_tokens desc, content desc nulls last, path, line, "row") = 1;

-- name: spans
-- Chosen calls that are spans of a tree: one row a call, in the order of their identity.
select "row", f.id, f.parent_id, f.usage_state
from chosen join facts f using ("row") where f.span and f.id <> '' order by f.key_hi, f.key_lo;

-- name: links_of_dataset
-- Spans that are no calls, of the files of a data set: one row a span.
select distinct id, parent_id from links join sources using (source)
where dataset = $dataset order by all;

-- name: links_of_store
-- Spans that are no calls, of all files: one row a span.
select distinct id, parent_id from links order by all;

-- name: wrappers_drop
-- Calls that only wrap another one leave the chosen (bound view `wrappers`: their rows).
delete from chosen where "row" in (select "row" from wrappers);

-- name: placed_create
-- For each chosen record the stored call with the very same facts, or a new number: one row a record.
create or replace temp table placed as
with new_facts as (
    select "row", key_hi, key_lo, hash(f) as facts
    from (select "row", key_hi, key_lo, struct_pack(*columns(* exclude ("row", source, line))) as f
          from stage join chosen using ("row"))
), old_facts as (
    select call, key_hi, key_lo, hash(f) as facts
    from (select call, key_hi, key_lo, struct_pack(*columns(* exclude (call))) as f
          from calls semi join stage using (key_hi, key_lo))
)
select n."row", min(o.call) as old_call,
    coalesce(min(o.call), (select coalesce(max(call), 0) from calls) + row_number() over (order by n."row")) as call
from new_facts n left join old_facts o using (key_hi, key_lo, facts)
group by n."row";

-- name: calls_add
-- Stores the chosen calls that are not there yet: one row a call.
insert into calls by name
select p.call, s.* exclude ("row", source, line)
from placed p join stage s using ("row") where p.old_call is null order by p.call;

-- name: links_add_dropped
-- Calls that only wrap another one still lead from it to what is above: one row a call.
insert into links select f.source, f.id, f.parent_id
from wrappers join facts f using ("row") where f.parent_id <> '';

-- name: members_drop_beaten
-- Held calls that a better copy replaces, or that only wrap a call, leave the data set.
delete from members
where rowid in (select -"row" - 1 from held where "row" not in (select "row" from chosen));

-- name: members_add
-- Puts the chosen calls into the data set: one row a call.
insert into members
select $dataset, p.call, s.source, s.line from placed p join stage s using ("row") order by p.call;

-- name: rejections_drop_repeated
-- Refused records of a file that was read into this data set before: once is enough.
delete from rejections where source >= $first_source and exists (
    from rejections o join sources a on a.source = o.source
    join sources b on b.source = rejections.source and b.path = a.path and b.dataset = a.dataset
    where o.source < $first_source and o.line = rejections.line and o.reason = rejections.reason
      and o.raw = rejections.raw
);

-- name: sources_settle
-- The final counts of a data set's files, whose records are now in `members`, refused or dropped.
update sources set
    accepted = n.accepted, rejected = n.rejected, skipped = sources.skipped + n.wrappers,
    duplicates = sources.records - n.accepted - n.rejected - sources.skipped - n.wrappers
from (
    select s.source,
        (select count(*) from members m where m.source = s.source) as accepted,
        (select count(*) from rejections r where r.source = s.source) as rejected,
        (select count(*) from wrappers join facts f using ("row") where f.source = s.source) as wrappers
    from sources s where s.dataset = $dataset
) n where n.source = sources.source;

-- name: sources_of_ingest
-- The files that the running ingest read, with their counts: one row a file, in the order of names.
select path, format, records, accepted, rejected, duplicates, skipped
from sources where source >= $first_source order by path, source;

-- name: sources_repeated
-- Files of the running ingest that stood in the data set before and gave nothing new.
create or replace temp table repeated as
select distinct n.source from sources n join sources o using (dataset, path)
where n.source >= $first_source and o.source < $first_source and n.accepted = 0;

-- name: links_drop_repeated
-- Their span links.
delete from links where source in (from repeated);

-- name: sources_drop_repeated
-- Their own rows.
delete from sources where source in (from repeated);

-- name: calls_of
-- How many calls a data set has: one row.
select count(*) from members where dataset = $dataset;

-- name: new_calls
-- How many calls the ingest added to the store: one row.
select count(*) from placed where old_call is null;

-- name: dataset_drop_members
-- The calls of a data set leave it; the calls themselves stay.
delete from members where dataset = $dataset;

-- name: dataset_drop_costs
-- The prices of a data set's calls.
delete from call_costs where dataset = $dataset;

-- name: dataset_drop_links
-- The span links of a data set's files.
delete from links where source in (select source from sources where dataset = $dataset);

-- name: dataset_drop_rejections
-- The refused records of a data set's files.
delete from rejections where source in (select source from sources where dataset = $dataset);

-- name: dataset_drop_sources
-- The files of a data set.
delete from sources where dataset = $dataset;

-- name: dataset_add
-- Names the set of calls that was read together, as the last one.
insert or replace into datasets values ($dataset, $turn, $sample_rate);

-- name: sources_of
-- The files of a data set with their counts: one row a file, in the order of their names.
select path, format, records, accepted, rejected, duplicates, skipped
from sources where dataset = $dataset order by path, source;

-- name: texts_kept
-- How many blocks of the store have a text: one row.
select count(*) from segments where text is not null or raw is not null;

-- name: texts_erase
-- Blocks that no other call holds lose their text: none of another data set, none beside those read.
update segments set text = null, raw = null
where (text is not null or raw is not null) and id not in (
    select unnest(list_concat(coalesce(c.request, []), coalesce(c.response, [])))
    from calls c where call in (
        select m.call from members m join calls using (call)
        where m.dataset <> $dataset or (key_hi, key_lo) not in (select key_hi, key_lo from stage)
    )
);

-- name: settings_erase
-- Whole parameters of requests that no other call holds go: none of another data set, none beside those read.
delete from request_settings where whole and id not in (
    select c.settings from calls c where c.settings is not null and call in (
        select m.call from members m join calls using (call)
        where m.dataset <> $dataset or (key_hi, key_lo) not in (select key_hi, key_lo from stage)
    )
);

-- name: texts_of_ingest
-- How many blocks of the running ingest have a text: one row.
select count(*) from segments where (text is not null or raw is not null) and id in (
    select unnest(list_concat(coalesce(request, []), coalesce(response, []))) from stage
);

-- name: results_forget
-- The results of a data set, which may quote its text.
update runs set result = null where dataset = $dataset and result is not null;
