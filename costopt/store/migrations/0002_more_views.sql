-- Further breakdowns, and what the store holds, as views.

-- One row a task of the last data set: sessions, calls, tokens, dollars.
create view v_cost_by_task as
select task, count(distinct session_id) as sessions, count(*) as calls,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(usd) as usd, count(*) - count(usd) as unpriced_calls
from v_calls group by all order by usd desc nulls last, task;

-- One row a tenant of the last data set: sessions, calls, tokens, dollars.
create view v_cost_by_tenant as
select tenant, count(distinct session_id) as sessions, count(*) as calls,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(usd) as usd, count(*) - count(usd) as unpriced_calls
from v_calls group by all order by usd desc nulls last, tenant;

-- One row a data set, the last one read first: calls, files, refused records.
create view v_datasets as
select d.dataset, d.sample_rate,
    (select count(*) from members m where m.dataset = d.dataset) as calls,
    (select count(*) from sources s where s.dataset = d.dataset) as files,
    (select coalesce(sum(s.rejected), 0)::bigint from sources s where s.dataset = d.dataset) as rejected
from datasets d order by d.turn desc;

-- One row a file of the last data set. records = accepted + rejected + duplicates + skipped.
create view v_sources as
select path, format, records, accepted, rejected, duplicates, skipped
from sources where dataset = (select dataset from datasets order by turn desc limit 1)
order by path, source;

-- One row a run of the tool, the last one first: command, data set, time.
create view v_runs as
select run, command, dataset, make_timestamp(at_us) as at from runs order by run desc;
