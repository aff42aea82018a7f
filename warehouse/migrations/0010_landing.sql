-- PostgreSQL refuses COPY into a table under row-level security ("COPY FROM not supported with row-level security").
-- So rows are copied into a view, whose trigger inserts them with the loader's own rights, under the table's policy.
create view raw_vapi.calls_landing with (security_invoker = true) as select * from raw_vapi.calls;
create view raw_voiceflow.usage_landing with (security_invoker = true) as select * from raw_voiceflow.usage;
create view raw_usage_metrics.metrics_landing with (security_invoker = true) as select * from raw_usage_metrics.metrics;

create function raw_vapi.land_call() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into raw_vapi.calls values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_vapi.calls_landing
for each row execute function raw_vapi.land_call();

create function raw_voiceflow.land_usage() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into raw_voiceflow.usage values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_voiceflow.usage_landing
for each row execute function raw_voiceflow.land_usage();

create function raw_usage_metrics.land_metric() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into raw_usage_metrics.metrics values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_usage_metrics.metrics_landing
for each row execute function raw_usage_metrics.land_metric();

grant insert on raw_vapi.calls_landing, raw_voiceflow.usage_landing, raw_usage_metrics.metrics_landing
to minutebook_loader;
