"""The operator's pages: days, what was asked for, alerts, the events that others are sent, and automations."""
