-- name: replay_begin
-- Notes a new run; gives its number: one row.
insert into replay_runs
select coalesce(max(run), 0) + 1, $dataset, $plan, $at_us, $head, null, null from replay_runs
returning run;

-- name: replay_unfinished
-- The last run of a plan that was not finished: one row, or none.
select run from replay_runs where plan = $plan and finished_us is null order by run desc limit 1;

-- name: replay_open
-- Notes attempts: one row each, the lists are their columns.
insert into replay_attempts
select unnest($run::bigint[]), unnest($item::varchar[]), unnest($number::integer[]),
    unnest($worst_pusd::bigint[]), unnest($at_us::bigint[]), unnest($batch::varchar[]);

-- name: replay_settle
-- Notes what became of attempts: one row each, the lists are their columns.
insert into replay_settled
select unnest($run::bigint[]), unnest($item::varchar[]), unnest($number::integer[]),
    unnest($state::varchar[]), unnest($at_us::bigint[]), unnest($usd_pusd::bigint[]),
    unnest($trouble::varchar[]), unnest($outcome::varchar[]);

-- name: replay_job_add
-- Notes the provider's id of a batch job, a later one under the same mark counts.
insert into replay_jobs values ($run, $mark, $job);

-- name: replay_jobs_of
-- Batch jobs of a run: mark and the provider's id, one row a job.
select mark, job from replay_jobs where run = $run order by rowid;

-- name: replay_attempts_of
-- Attempts of a run in the order of their opening, each with what became of it (NULL: nothing yet).
select a.run, a.item, a.number, a.worst_pusd, a.at_us, a.batch, s.state, s.at_us, s.usd_pusd, s.outcome
from replay_attempts a left join replay_last_word s using (run, item, number)
where a.run = $run order by a.rowid;

-- name: replay_finish
-- Notes that nothing of a run will be sent any more.
update replay_runs set finished_us = $at_us, summary = $summary where run = $run;

-- name: replay_spent
-- Pico-dollars of a run: settled charges, and worst cases of what is open: one row.
select coalesce(sum(coalesce(s.usd_pusd, a.worst_pusd)), 0)::hugeint
from replay_attempts a left join replay_last_word s using (run, item, number)
where a.run = $run;

-- name: replay_runs_of
-- Replays of a data set, the last one first; of all for NULL: one row a run.
select run, dataset, plan, at_us, finished_us, head, summary from replay_runs
where $dataset is null or dataset = $dataset order by run desc;

-- name: dataset_drop_replay_settled
-- What became of the attempts of a data set's replays.
delete from replay_settled where run in (select run from replay_runs where dataset = $dataset);

-- name: dataset_drop_replay_attempts
-- The attempts of a data set's replays.
delete from replay_attempts where run in (select run from replay_runs where dataset = $dataset);

-- name: dataset_drop_replay_jobs
-- The batch jobs of a data set's replays.
delete from replay_jobs where run in (select run from replay_runs where dataset = $dataset);

-- name: dataset_drop_replay_runs
-- The replays of a data set.
delete from replay_runs where dataset = $dataset;
