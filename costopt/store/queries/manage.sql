-- name: memory_only
-- A store in memory leaves nothing on disk.
set temp_directory = '';

-- name: tables
-- Tables of the opened file: one row a table.
select table_name from duckdb_tables();

-- name: schema_get
-- The schema that the store has: one row.
select value from meta where name = 'schema';

-- name: schema_set
-- Notes the schema after a migration.
insert or replace into meta values ('schema', $number);

-- name: rejections_of
-- Refused records of a data set: one row a record, in the order of files and lines.
select s.path, r.line, r.reason, r.raw
from rejections r join sources s using (source)
where s.dataset = $dataset order by s.path, r.line, r.reason, r.raw;

-- name: costs_add
-- Keeps the bill of a data set: one row a call of the bound view `priced`.
insert into call_costs
select $dataset, c.call, p.list_pusd, p.discount_pusd, p.equivalent_pusd, p.price_status, p.price_source,
    p.usage_state, p.estimated_input, p.estimated_output
from priced p join calls c using (key_hi, key_lo) join members m using (call)
where m.dataset = $dataset;

-- name: dataset_last
-- The data set that was read last: one row, none in an empty store.
select dataset from datasets order by turn desc limit 1;

-- name: dataset_is
-- Whether there is a data set of this name: one row.
select count(*) from datasets where dataset = $dataset;

-- name: dataset_drop_runs
-- The runs over a data set.
delete from runs where dataset = $dataset;

-- name: dataset_drop
-- The data set's own row.
delete from datasets where dataset = $dataset;

-- name: calls_drop_unused
-- Calls that no data set holds any more.
delete from calls where call not in (select call from members);

-- name: segments_drop_unused
-- Blocks that no call holds any more.
delete from segments where id not in (
    select unnest(request) from calls where request is not null
    union all select unnest(response) from calls where response is not null
);

-- name: request_settings_drop_unused
-- Parameters of requests that no call holds any more.
delete from request_settings where id not in (select settings from calls where settings is not null);

-- name: segment_tokens_drop_unused
-- Token counts of blocks that are gone.
delete from segment_tokens where id not in (select id from segments);

-- name: checkpoint
-- Writes everything into the file and gives freed room back.
checkpoint;

-- name: run_add
-- Notes one run of the tool.
insert into runs select coalesce(max(run), 0) + 1, $command, $dataset, $at_us, $result from runs;

-- name: runs_drop_results
-- Earlier results of this command on this data set: the next one stands in their place.
update runs set result = null where dataset = $dataset and command = $command and result is not null;

-- name: runs_all
-- Runs of the tool, the last one first: one row a run.
select run, command, dataset, at_us, result from runs order by run desc;
