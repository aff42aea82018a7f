"""What of a line of OpenAI's costs is stored. What the organisation is called, and who used a key, is not."""

from sources.bills import fields_of_lines

LINE, FACTS = fields_of_lines(
    "object line_item project_id api_key_id api_source quantity quantity_unit organization_id user_id",
    amount="value currency",
)
