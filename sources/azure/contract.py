"""What of a row of Azure's answer is stored: the columns that were asked for, by their names."""

from sources.bills import fields_of_lines

LINE, FACTS = fields_of_lines(
    "Cost PreTaxCost UsageDate Currency Meter ServiceName ResourceGroup ResourceGroupName ResourceId TagKey TagValue"
)
