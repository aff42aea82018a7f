-- What clients are handed (module warehouse.statements.issuing).

-- name: brand
-- A tenant's own, else the deployment's.
select
    name,
    accent,
    logo_kind
from control.brands
where tenant_id = %(tenant_id)s::text or tenant_id is null
order by tenant_id nulls last
limit 1;

-- name: brands_at_the_door
-- What who has not signed in sees: the deployment's, and those that have a name of their own.
select
    tenant_id,
    host,
    name,
    accent,
    logo_kind
from control.brands
where tenant_id is null or host is not null;

-- name: sender
-- In whose name a login's people are sent mail, each part its tenant's own, else the deployment's.
select
    (array_agg(name order by tenant_id nulls last))[1] as name,
    (array_agg(host order by tenant_id nulls last) filter (where host is not null))[1] as host,
    (array_agg(mail_from order by tenant_id nulls last) filter (where mail_from is not null))[1] as mail_from
from control.brands
where
    tenant_id is null
    or tenant_id = (
        select logins.tenant_id from control.logins as logins
        where logins.login_id = %(login_id)s
    );

-- name: logo
select
    logo,
    logo_kind
from control.brands
where tenant_id = %(tenant_id)s::text or tenant_id is null
order by tenant_id nulls last
limit 1;

-- name: brands
select
    tenant_id,
    name,
    accent,
    logo_kind,
    length(logo) as logo_bytes,
    address,
    note,
    number_prefix,
    is_tax_invoice,
    host,
    mail_from
from control.brands
where tenant_id is not distinct from %(tenant_id)s or not %(is_one)s
order by tenant_id nulls first;

-- name: put_brand
insert into control.brands (
    tenant_id, name, accent, logo, logo_kind, address, note, number_prefix, is_tax_invoice, host, mail_from
)
values (
    %(tenant_id)s, %(name)s, %(accent)s, %(logo)s, %(logo_kind)s, %(address)s, %(note)s, %(number_prefix)s,
    %(is_tax_invoice)s, %(host)s, %(mail_from)s
)
on conflict (tenant_id) do update
    set
        name = excluded.name,
        accent = excluded.accent,
        logo = coalesce(excluded.logo, brands.logo),
        logo_kind = coalesce(excluded.logo_kind, brands.logo_kind),
        address = excluded.address,
        note = excluded.note,
        number_prefix = excluded.number_prefix,
        is_tax_invoice = excluded.is_tax_invoice,
        host = excluded.host,
        mail_from = excluded.mail_from;

-- name: issue
-- The next revision under the period's number, or a first one under the next number of all.
with brand as (
    select *
    from control.brands
    where tenant_id = %(tenant_id)s or tenant_id is null
    order by tenant_id nulls last
    limit 1
),

former as (
    select
        place,
        number,
        revision
    from ledger.issued_statements
    where tenant_id = %(tenant_id)s and period_start = %(period_start)s
    order by revision desc
    limit 1
),

given as (
    select
        coalesce(
            (select f.place from former as f),
            (select coalesce(max(i.place), 0) + 1 from ledger.issued_statements as i)
        ) as place,
        coalesce((select f.revision from former as f), 0) + 1 as revision
)

insert into ledger.issued_statements (
    tenant_id, period_start, revision, place, number, issued_by, manifest_hash, content
)
select
    p.tenant_id,
    p.period_start,
    g.revision,
    g.place,
    coalesce(
        (select f.number from former as f),
        coalesce((select b.number_prefix from brand as b), '')
        || to_char(p.period_start, 'YYYY') || '-' || lpad(g.place::text, greatest(5, length(g.place::text)), '0')
    ),
    %(actor)s,
    p.manifest_hash,
    jsonb_build_object(
        'name', coalesce(t.name, t.tenant_id),
        'period_end', p.period_end,
        'brand', (
            select
                jsonb_build_object(
                    'name', b.name, 'accent', b.accent, 'logo', encode(b.logo, 'base64'), 'logo_kind', b.logo_kind,
                    'address', b.address, 'note', b.note, 'is_tax_invoice', b.is_tax_invoice
                )
            from brand as b
        ),
        'meters', (
            select coalesce(jsonb_object_agg(m.meter_id, m.name), '{}')
            from control.meters as m
            where m.meter_id in (
                select l.meter_id from ledger.statement_lines as l
                where l.tenant_id = p.tenant_id and l.period_start = p.period_start
            )
        ),
        'lines', (
            select
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'line_id', l.line_id, 'line_kind', l.line_kind, 'meter_id', l.meter_id,
                            'quantity', l.quantity::text, 'unit', l.unit, 'amount', l.amount::text,
                            'unrounded_amount', coalesce(l.inputs ->> 'unrounded_amount', l.amount::text),
                            'currency', l.currency, 'service_period_start', l.service_period_start,
                            'service_period_end', l.service_period_end, 'corrects_line_id', l.corrects_line_id,
                            'price_id', null, 'inputs', l.inputs::text, 'former_amount', null
                        )
                        order by
                            array_position(
                                array['setup', 'subscription', 'overage', 'minimum', 'adjustment', 'credit'],
                                l.line_kind
                            ), l.meter_id, l.line_id
                    ), '[]'
                )
            from ledger.statement_lines as l
            where l.tenant_id = p.tenant_id and l.period_start = p.period_start
        )
    )
from ledger.periods as p
inner join control.tenants as t on p.tenant_id = t.tenant_id
cross join given as g
where p.tenant_id = %(tenant_id)s and p.period_start = %(period_start)s and p.state = 'approved'
returning number, revision;

-- name: numbers
-- The newest revision of each of a tenant's periods.
select distinct on (i.period_start)
    i.period_start,
    i.number,
    i.revision
from ledger.issued_statements as i
where i.tenant_id = %(tenant_id)s
order by i.period_start, i.revision desc;

-- name: issued
-- The newest revision, while its period is approved or closed.
select
    i.tenant_id,
    i.period_start,
    i.number,
    i.revision,
    i.issued_at,
    i.content::text as content
from ledger.issued_statements as i
inner join ledger.periods as p on i.tenant_id = p.tenant_id and i.period_start = p.period_start
where
    i.tenant_id = %(tenant_id)s
    and i.period_start = %(period_start)s
    and p.state in ('approved', 'closed')
    and i.manifest_hash = p.manifest_hash
order by i.revision desc
limit 1;
