-- What requests say beside their messages, so that they can be sent again.

-- One row a distinct set of further parameters (tool_choice, response_format, top_p, ...), as canonical JSON.
-- `whole`: false where it was read without content: values that may hold words are digests of themselves.
create table request_settings (id ubigint not null, whole boolean not null, settings varchar not null);

-- `settings`: an id of `request_settings`; 0: none, or a call that an older costopt read.
alter table calls add column settings ubigint default 0;
