-- What replays measured, as it was written back: the next projection of the data set uses it.

-- One row a layer, its settings and a served model of each replay. `settings`: as JSON with sorted keys;
-- `plan`: hash of what was planned (empty: not told); `found`: what was measured, as JSON.
create table evidence (
    dataset varchar not null,
    run bigint not null,
    plan varchar not null,
    at_us bigint not null,
    layer varchar not null,
    settings varchar not null,
    model varchar not null,
    found varchar not null
);

-- One row a layer and settings that a replay measured on the last data set, the last replay first.
create view v_evidence as
select run, make_timestamp(at_us) as at, layer, settings, model, found
from evidence where dataset = (select dataset from datasets order by turn desc limit 1)
order by run desc, layer, settings, model;
