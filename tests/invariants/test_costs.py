"""Invariant 15 of the design: what a component of a call costs is said by one alone of those who could say it."""

from pathlib import Path

from orchestration.marts.building import build
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import generated
from warehouse.database.connect import Role, connect

# Each component that a published answer names, and everybody who says what it costs.
WHO_SAYS = """
with told as (
    select distinct c.account, c.call_id, i.item ->> 'type' as component
    from raw_vapi.calls as c
    inner join ledger.pulls as p using (pull_id)
    cross join lateral json_array_elements(c.payload -> 'costs') as i (item)
    where p.state = 'published'
),
bills as (
    select distinct voice_account as account, call_id, component, 'charges' as who
    from marts.fct_call_charges where call_id is not null
    union all
    select distinct voice_account, call_id, component, 'share' from marts.fct_call_shares
),
said as (
    select account, call_id, component, 'voice' as who
    from marts.fct_calls cross join lateral jsonb_object_keys(costs) as k (component)
    union all
    select account, call_id, component, 'nobody'
    from marts.fct_calls cross join lateral jsonb_object_keys(unknown_costs) as k (component)
    union all
    select account, call_id, component, 'a bill to come'
    from marts.fct_calls cross join lateral jsonb_object_keys(covered_costs) as k (component)
    where not exists (
        select 1 from bills
        where (bills.account, bills.call_id, bills.component) = (fct_calls.account, fct_calls.call_id, k.component)
    )
    union all
    select * from bills
)
select component, who, count(*) from (
    select told.account, told.call_id, told.component, array_agg(said.who) filter (where said.who is not null) as who
    from told left join said using (account, call_id, component)
    group by 1, 2, 3
) as of_component group by 1, 2
"""
BASES = """
select basis, unknown_reason, provider_amount is null as is_unknown
from marts.fct_costs_daily group by 1, 2, 3
"""
# What the platform's bills come to, by their lines, or by calls where the bill of the day was not read.
BILLED = """
with priced as (
    select c.* from intermediate.int_costs_priced as c
    inner join ledger.pulls as p on c.pull_id = p.pull_id and p.state = 'published'
    where c.account = 'platform' and c.payer = 'provider_account' and c.cost is not null
),
counted as (
    select bill_source, currency, cost from priced where grain = 'day'
    union all
    select h.bill_source, h.currency, h.cost
    from marts.fct_call_charges as h
    where h.account = 'platform' and h.call_id is not null and not exists (
        select 1 from ledger.pulls as p
        where p.source = h.bill_source and p.account = h.account and p.usage_date = h.usage_date
            and p.state = 'published'
    )
)
select bill_source, currency, sum(cost) from counted group by 1, 2
"""
COUNTED = """
select source, provider_currency, sum(provider_amount)
from marts.fct_costs_daily where source like '%\\_bill' and basis not in ('unknown', 'billed_elsewhere')
group by 1, 2
"""


def test_15_every_component_of_cost_has_exactly_one_basis(database_url: str, dbt_home: Path) -> None:
    world = generated(15, 60)
    with connect(database_url, Role.OWNER, autocommit=True) as connection:
        load(connection, world)
        build(database_url, dbt_home, world.as_of)
        said = connection.execute(WHO_SAYS).fetchall()
        assert [row for row in said if row[1] is None or len(row[1]) != 1] == []
        assert {who for _, (who,), _ in said} == {"voice", "nobody", "charges", "share", "a bill to come"}

        bases = connection.execute(BASES).fetchall()
        assert {basis for basis, _, _ in bases} == {
            "reported_by_voice", "reported_by_provider", "estimated", "allocated", "billed_elsewhere", "unknown",
        }  # fmt: skip
        # A number has a basis that is not unknown, and what is unknown has no number and a reason.
        for basis, reason, is_unknown in bases:
            assert basis == "billed_elsewhere" or is_unknown == (basis == "unknown"), (basis, reason)
            assert (basis == "unknown") <= (reason is not None), (basis, reason)

        # So the money of a bill is on calls or left of it, to the last digit, and nowhere twice.
        billed = sorted(connection.execute(BILLED).fetchall())
        assert len(billed) == 6
        assert billed == sorted(connection.execute(COUNTED).fetchall())
