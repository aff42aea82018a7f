-- A setting of a function is set and put back for every row it lands, a tenth of what landing costs the server. Nothing in
-- these is looked up by search path, and they act with the rights of whoever inserts.
alter function raw_vapi.land_call() reset search_path;
alter function raw_voiceflow.land_usage() reset search_path;
alter function raw_usage_metrics.land_metric() reset search_path;
