"""What our control data asks for at Stripe: meters, and prices and fees that are in force or will be."""

from datetime import date

from warehouse.database.queries import Connection, Row, rows

FILE = "stripe/setup"


def meters(connection: Connection) -> list[Row]:
    """Meters that have a price and Stripe's event name."""
    return rows(connection, FILE, "meters")


def fees(connection: Connection, today: date) -> list[Row]:
    """Subscription fees of plans, by the day from which each holds; not the canary's."""
    return rows(connection, FILE, "fees", today=today)


def prices(connection: Connection, today: date) -> list[Row]:
    """Versions of prices of meters that Stripe knows, with their currency."""
    return rows(connection, FILE, "prices", today=today)


def meters_of_events(connection: Connection) -> dict[str, str]:
    """Our meter by Stripe's event name."""
    return {row["stripe_event_name"]: row["meter_id"] for row in rows(connection, FILE, "meters_of_events")}
