"""Keeps a usage event from the moment it is reported until Tally has acknowledged it. An event that is lost is never charged."""

from .outbox import Deliver, OnFailure, OnRefused, Outbox, log_failure, log_refused

__all__ = ["Deliver", "OnFailure", "OnRefused", "Outbox", "log_failure", "log_refused"]
