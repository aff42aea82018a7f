"""A brand as people set it, on the command line and on the pages: its sender and its logo must be of use."""

from orchestration.mail import fault_of_sender
from orchestration.reports.pdf import is_drawable
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection
from warehouse.statements import issuing
from warehouse.statements.issuing import Brand

LONGEST_SENDER = 320


def set_brand(connection: Connection, brand: Brand) -> None:
    """Set a brand whole; without a logo it keeps the one it has. Raises Refused, NotFound."""
    sender = brand.mail_from
    if sender is not None and (fault_of_sender(sender) or not sender.isprintable() or len(sender) > LONGEST_SENDER):
        raise Refused("write a sender such as Agency <bills@example.com>")
    if brand.logo is not None and issuing.kind_of(brand.logo) and not is_drawable(brand.logo):
        raise Refused("this logo cannot be drawn; export it again as a plain PNG or SVG")
    issuing.put_brand(connection, brand)
