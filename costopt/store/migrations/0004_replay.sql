-- The ledger of replays. What is sent stands here before it is sent, and what became of it beside: rows
-- are only ever added, so that a kill leaves what was told before it.

-- One row a replay of a plan. `plan`: hash of everything that was planned; `head`, `summary`: JSON.
-- `finished_us` NULL: something of it may still be sent.
create table replay_runs (
    run bigint not null,
    dataset varchar not null,
    plan varchar not null,
    at_us bigint not null,
    head varchar not null,
    finished_us bigint,
    summary varchar
);

-- One row a sending of a planned request, written before it goes out. `number`: 1 for the first try.
-- `worst_pusd`: what it may cost at most. `batch`: mark of the batch job that carries it, or empty.
create table replay_attempts (
    run bigint not null,
    item varchar not null,
    number integer not null,
    worst_pusd bigint not null,
    at_us bigint not null,
    batch varchar not null
);

-- One row a settlement of a sending: what became of it (answered, failed, unreadable, in_doubt), what was
-- charged, and the outcome as JSON; `trouble`: a word for what went wrong, or empty.
create table replay_settled (
    run bigint not null,
    item varchar not null,
    number integer not null,
    state varchar not null,
    at_us bigint not null,
    usd_pusd bigint not null,
    trouble varchar not null,
    outcome varchar not null
);

-- One row a batch job that the provider has taken: our mark and its own id.
create table replay_jobs (run bigint not null, mark varchar not null, job varchar not null);

-- One row an attempt that was settled: the last word on it, where a batch came back after all.
create view replay_last_word as
select * from replay_settled
qualify row_number() over (partition by run, item, number order by rowid desc) = 1;

-- One row a sending of a planned request of every replay: when, what became of it, dollars. `state` is
-- `open` until it is settled; an open or doubtful one stands at its worst case.
create view v_replay_attempts as
select
    a.run, a.item, a.number,
    coalesce(s.state, 'open') as state,
    make_timestamp(a.at_us) as at,
    make_timestamp(s.at_us) as settled_at,
    coalesce(s.usd_pusd, a.worst_pusd)::decimal(19, 0) * 0.000000000001::decimal(13, 12) as usd,
    a.worst_pusd::decimal(19, 0) * 0.000000000001::decimal(13, 12) as worst_usd,
    a.batch, s.trouble, s.outcome
from replay_attempts a left join replay_last_word s using (run, item, number);

-- One row a replay, the last one first: data set, state, sendings, dollars (`in_doubt_usd` at worst).
create view v_replay_runs as
select
    r.run, r.dataset, make_timestamp(r.at_us) as at, make_timestamp(r.finished_us) as finished_at,
    count(a.item) as attempts,
    count(a.item) filter (where a.state = 'answered') as answered,
    count(a.item) filter (where a.state in ('open', 'in_doubt')) as in_doubt,
    coalesce(sum(a.usd) filter (where a.state not in ('open', 'in_doubt')), 0) as usd,
    coalesce(sum(a.usd) filter (where a.state in ('open', 'in_doubt')), 0) as in_doubt_usd,
    r.plan, r.head, r.summary
from replay_runs r left join v_replay_attempts a using (run)
group by all order by r.run desc;
