"""Who did something: the name that stands in histories and in the audit."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Actor:
    """A person or process that acts; `name` never holds a patient's name or number."""

    kind: Literal["staff", "patient", "twilio", "worker", "operator", "api"]
    name: str
    staff_id: int | None = None


PATIENT = Actor("patient", "the patient")
WORKER = Actor("worker", "the reminder worker")
TWILIO = Actor("twilio", "Twilio")
OPERATOR = Actor("operator", "an operator")
