"""What a run prints, as JSON instead of Dagster's coloured text."""

import logging
from functools import partial

import dagster as dg
from dagster import _loggers
from dagster._core.log_manager import get_log_record_event, get_log_record_metadata, has_log_record_event
from dagster._core.utils import coerce_valid_log_level

from orchestration.ingestion.partitions import read_key
from orchestration.settings import Settings


def print_by(formatter: logging.Formatter) -> None:
    """Have every run of this process print its lines by this formatter: Dagster takes no other default logger."""
    dimension = "shard" if Settings.from_environment().has_shard_partitions else "tenant"

    @dg.logger({"name": str, "log_level": str})
    def printed(context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.getLoggerClass()(context.logger_config["name"])
        logger.setLevel(coerce_valid_log_level(context.logger_config["log_level"]))
        handler = logging.StreamHandler()
        handler.addFilter(partial(_named, dimension))
        handler.setFormatter(formatter)
        logger.addHandler(handler)
        return logger

    _loggers.colored_console_logger = printed


def _named(dimension: str, record: logging.LogRecord) -> bool:
    """Say what the line is of, and leave to its text what was said: Dagster writes both into one."""
    meta = get_log_record_metadata(record)
    record.run, record.job, record.step = meta["run_id"], meta["job_name"], meta["step_key"]
    record.msg, record.args = meta["orig_message"], ()
    if has_log_record_event(record):
        event = get_log_record_event(record)
        if event.partition is not None and event.asset_key is not None:
            record.asset = event.asset_key.to_user_string()
            of, day = read_key(event.partition)
            record.day = day.isoformat()
            setattr(record, dimension, of)
        if (error := getattr(event.event_specific_data, "error", None)) is not None:
            record.msg += f"\n{error.to_string()}"
    return True
