-- name: calling
-- Accounts in which a campaign made a call on a day of the last month, as the day is read.
select distinct p.account
from ledger.pulls as p
where
    p.source = %(source)s
    and p.account = any(%(accounts)s)
    and p.usage_date >= %(first_day)s
    and p.state = 'published'
    and p.totals ? %(total)s;

-- name: record
insert into ledger.campaigns (source, account, campaign_id, name, calls, connected, over_since, counted_at)
select
    %(source)s,
    %(account)s,
    c.campaign_id,
    c.name,
    c.calls,
    c.connected,
    case when c.is_over then %(now)s::timestamptz end,
    %(now)s
from jsonb_to_recordset(%(campaigns)s::jsonb)
as c (campaign_id text, name text, calls bigint, connected bigint, is_over boolean)
on conflict (source, account, campaign_id) do update
set
    name = excluded.name,
    calls = excluded.calls,
    connected = excluded.connected,
    over_since = case when excluded.over_since is not null then coalesce(campaigns.over_since, excluded.over_since) end,
    counted_at = excluded.counted_at;

-- name: is_built
select to_regclass('marts.dim_campaigns') is not null as is_built;

-- name: made
-- How many calls each campaign made, as they were read, of whichever tenants.
select
    campaign_id,
    sum(calls)::bigint as calls,
    sum(connected_calls)::bigint as connected
from marts.dim_campaigns
where source = %(source)s and account = %(account)s
group by campaign_id;
