-- name: evidence_add
-- Keeps what a replay measured of one layer at its settings on one model.
insert into evidence values ($dataset, $run, $plan, $at_us, $layer, $settings, $model, $found);

-- name: evidence_drop_run
-- What this run wrote before, and what earlier runs of the same plan did: they asked the same calls.
delete from evidence where dataset = $dataset and (run = $run or ($plan <> '' and plan = $plan));

-- name: evidence_of
-- What replays measured on a data set: one row a layer, settings, model and run, the oldest run first.
select layer, settings, model, found from evidence where dataset = $dataset
order by at_us, run, layer, settings, model;

-- name: dataset_drop_evidence
-- What replays measured on a data set.
delete from evidence where dataset = $dataset;
