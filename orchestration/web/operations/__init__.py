"""The operator's pages: days, what was asked for, alerts, and the events that others are sent."""
