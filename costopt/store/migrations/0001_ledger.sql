-- The ledger. Append-only history: a file here is never edited once released, a change is a new file.
-- Integers are exact: tokens are counts, `_pusd` pico-dollars (1 USD = 10^12), `_us` UTC microseconds.

create table meta (name varchar primary key, value varchar not null);

-- One row a version of a call: the facts a log tells of it. NULL: not in the log.
-- `key_hi`, `key_lo`: the 128-bit identity. `request`, `response`: segment ids in wire order.
create table calls (
    call bigint not null,
    key_hi ubigint not null,
    key_lo ubigint not null,
    version_us bigint not null,
    id varchar not null,
    session_id varchar not null,
    parent_id varchar not null,
    span boolean not null,
    at_us bigint,
    latency_ms double,
    ttft_ms double,
    provider varchar not null,
    model varchar not null,
    request_model varchar not null,
    agent varchar not null,
    task varchar not null,
    tenant varchar not null,
    workflow varchar not null,
    user_segment varchar not null,
    "user" varchar not null,
    project varchar not null,
    workspace varchar not null,
    api_key_hash varchar not null,
    region varchar not null,
    service_tier varchar not null,
    speed varchar not null,
    finish varchar not null,
    prompt_cache_key varchar not null,
    tool varchar not null,
    tags varchar not null,
    error varchar not null,
    note varchar not null,
    status tinyint not null,
    usage_state tinyint not null,
    recorded_usd varchar,
    recorded_pusd bigint,
    byok boolean not null,
    stream boolean not null,
    max_tokens integer,
    temperature float,
    web_searches integer not null,
    requests integer not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    input_fresh bigint not null,
    cache_read bigint not null,
    cache_write_5m bigint not null,
    cache_write_1h bigint not null,
    cache_write_30m bigint not null,
    cache_write_12h bigint not null,
    cache_write_other bigint not null,
    input_audio bigint not null,
    input_image bigint not null,
    cache_read_audio bigint not null,
    output_text bigint not null,
    output_reasoning bigint not null,
    output_audio bigint not null,
    output_image bigint not null,
    extra varchar,
    metadata varchar,
    request ubigint[],
    request_flags utinyint[],
    response ubigint[],
    response_flags utinyint[]
);

-- One row a distinct block of a request or answer. `text` is NULL where none was kept; `raw` holds
-- the bytes of a text that is no valid Unicode.
create table segments (
    id ubigint not null,
    digest_hi ubigint not null,
    digest_lo ubigint not null,
    kind utinyint not null,
    name varchar not null,
    bytes bigint not null,
    tokens bigint not null,
    has_text boolean not null,
    text varchar,
    raw blob
);

-- One row a counted segment: tokens under a tokenizer.
create table segment_tokens (id ubigint not null, tokenizer varchar not null, tokens bigint not null);

-- One row a set of calls that was read together; the highest `turn` is the last one read.
create table datasets (
    dataset varchar primary key,
    turn bigint not null,
    sample_rate double
);

-- One row a file of a data set. records = accepted + rejected + duplicates + skipped.
create table sources (
    source bigint not null,
    dataset varchar not null,
    path varchar not null,
    format varchar not null,
    records bigint not null,
    accepted bigint not null,
    rejected bigint not null,
    duplicates bigint not null,
    skipped bigint not null
);

-- One row a call of a data set: which file and line it was read from.
create table members (dataset varchar not null, call bigint not null, source bigint not null, line integer not null);

-- One row a record that is no call but a link of a span tree.
create table links (source bigint not null, id varchar not null, parent_id varchar not null);

-- One row a record that was refused, with its first bytes, secrets masked.
create table rejections (source bigint not null, line bigint not null, reason varchar not null, raw varchar not null);

-- One row a call of a data set that was billed, in pico-dollars; NULL where the price is unknown.
-- `estimated_*`: tokens counted from the text, where the log gives no counts.
create table call_costs (
    dataset varchar not null,
    call bigint not null,
    list_pusd bigint,
    discount_pusd bigint,
    equivalent_pusd bigint,
    price_status tinyint not null,
    price_source varchar not null,
    usage_state tinyint not null,
    estimated_input bigint,
    estimated_output bigint
);

-- One row a run of the tool: what was asked and its result as JSON.
create table runs (run bigint not null, command varchar not null, dataset varchar not null, at_us bigint, result varchar);

-- One row a call of every data set in the store, with its exact dollars once an audit has priced it.
create view v_dataset_calls as
select
    m.dataset,
    c.call,
    c.id,
    case when c.session_id = '' then 'call:' || lpad(lower(to_hex(c.key_hi)), 16, '0') || lpad(lower(to_hex(c.key_lo)), 16, '0')
         else c.session_id end as session_id,
    c.at_us,
    make_timestamp(c.at_us) as timestamp,
    c.provider, c.model, c.agent, c.task, c.tenant, c.service_tier,
    coalesce(b.estimated_input, c.input_tokens) as input_tokens,
    coalesce(b.estimated_input, c.input_fresh + c.input_audio + c.input_image) as input_fresh,
    c.cache_read + c.cache_read_audio as cache_read,
    c.cache_write_5m, c.cache_write_1h, c.cache_write_30m, c.cache_write_12h, c.cache_write_other,
    coalesce(b.estimated_output, c.output_tokens) as output_tokens,
    c.output_reasoning as reasoning,
    case coalesce(b.usage_state, c.usage_state) when 0 then 'reported' when 1 then 'estimated' else 'missing' end as usage,
    case when c.status = 1 then 'failed' when c.status = 2 then 'gateway_hit'
         when b.price_status in (1, 2, 6) or c.status = 3 then 'unpriced' else 'ok' end as status,
    -- A product of decimals is exact; a quotient would be a float.
    (b.list_pusd - b.discount_pusd)::decimal(19, 0) * 0.000000000001::decimal(13, 12) as usd,
    c.recorded_pusd::decimal(19, 0) * 0.000000000001::decimal(13, 12) as recorded_usd,
    b.price_source,
    case b.price_status when 0 then 'priced' when 1 then 'no_model' when 2 then 'no_unit' when 3 then 'no_usage'
        when 4 then 'not_charged' when 5 then 'subscription' when 6 then 'no_date' end as price_status,
    c.workflow, c.user_segment, c."user", c.project, c.workspace, c.api_key_hash, c.tags, c.region,
    c.service_tier = 'batch' as batch,
    c.latency_ms,
    b.list_pusd::decimal(19, 0) * 0.000000000001::decimal(13, 12) as list_usd,
    b.discount_pusd::decimal(19, 0) * 0.000000000001::decimal(13, 12) as discount_usd,
    c.tool,
    (row_number() over (partition by m.dataset, session_id order by c.at_us nulls first, m.line,
        len(c.request), c.input_tokens, c.key_hi, c.key_lo))::integer as step,
    s.path as source_file, m.line as source_line
from members m
join calls c using (call)
join sources s on s.source = m.source
left join call_costs b on b.dataset = m.dataset and b.call = m.call;

-- One row a call of the data set that was read last: tokens, dollars (exact decimals), names.
create view v_calls as
select * exclude (dataset) from v_dataset_calls
where dataset = (select dataset from datasets order by turn desc limit 1);

-- One row a model of the last data set: calls, tokens, dollars. `unpriced_calls` are not in `usd`.
create view v_cost_by_model as
select provider, model, count(*) as calls, sum(input_tokens) as input_tokens,
    sum(cache_read) as cache_read, sum(output_tokens) as output_tokens,
    sum(usd) as usd, count(*) - count(usd) as unpriced_calls
from v_calls group by all order by usd desc nulls last, provider, model;

-- One row an agent of the last data set: sessions, calls, tokens, dollars.
create view v_cost_by_agent as
select agent, count(distinct session_id) as sessions, count(*) as calls,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(usd) as usd, count(*) - count(usd) as unpriced_calls
from v_calls group by all order by usd desc nulls last, agent;

-- One row a UTC day of the last data set: calls, tokens, dollars; NULL: calls without a time.
create view v_cost_by_day as
select timestamp::date as day, count(*) as calls, sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens, sum(usd) as usd, count(*) - count(usd) as unpriced_calls
from v_calls group by all order by day;

-- One row a session of the last data set, the dearest first: first call, steps, tokens, dollars.
create view v_sessions as
select session_id, min(timestamp) as first_at, max(timestamp) as last_at, count(*) as calls,
    min(agent) as agent, min(task) as task, sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens, sum(usd) as usd, count(*) - count(usd) as unpriced_calls
from v_calls group by session_id order by usd desc nulls last, session_id;

-- One row a refused record of the last data set: file, line, why.
create view v_rejections as
select s.path as source_file, r.line, r.reason, r.raw
from rejections r join sources s using (source)
where s.dataset = (select dataset from datasets order by turn desc limit 1)
order by source_file, r.line;
