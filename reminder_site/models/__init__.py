"""The tables. They hold facts and keys; rules live in domain, reads in queries, writes in actions."""

from reminder_site.models.alert import Alert, AlertNotice, AlertWatch
from reminder_site.models.appointment import Appointment, ManageLink, PagePress, Reminder
from reminder_site.models.audit import Audit, Heartbeat
from reminder_site.models.clinic import (
    AppointmentType,
    Clinic,
    Clinician,
    ClosedDay,
    ConsentWording,
    ReminderRule,
    Template,
)
from reminder_site.models.message import Attempt, InboundMessage, Message, MessageEvent, ProviderEvent
from reminder_site.models.patient import OptOut, Patient
from reminder_site.models.retention import PatientRead, RetentionRun, TwilioErasure
from reminder_site.models.staff import (
    FormNonce,
    Invitation,
    KeptForm,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SecondFactor,
    SetUpCode,
    SignInLink,
    SignInTry,
    Staff,
    StaffClinic,
    StaffSession,
)
from reminder_site.models.throttle import SenderPause, ThrottleRow
from reminder_site.models.trial import TrialText
from reminder_site.models.watch import ProbedWrite, RefusedWebhook, Tally, WorkerSeen

__all__ = [
    "Alert",
    "AlertNotice",
    "AlertWatch",
    "Appointment",
    "AppointmentType",
    "Attempt",
    "Audit",
    "Clinic",
    "Clinician",
    "ClosedDay",
    "ConsentWording",
    "FormNonce",
    "Heartbeat",
    "InboundMessage",
    "Invitation",
    "KeptForm",
    "ManageLink",
    "Message",
    "MessageEvent",
    "OptOut",
    "PagePress",
    "Passkey",
    "PasskeyChallenge",
    "Patient",
    "ProbedWrite",
    "PatientRead",
    "ProviderEvent",
    "RecoveryCode",
    "RefusedWebhook",
    "Reminder",
    "ReminderRule",
    "RetentionRun",
    "SecondFactor",
    "SenderPause",
    "SetUpCode",
    "SignInLink",
    "SignInTry",
    "Staff",
    "StaffClinic",
    "StaffSession",
    "Tally",
    "Template",
    "ThrottleRow",
    "WorkerSeen",
    "TrialText",
    "TwilioErasure",
]
