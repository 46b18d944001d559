"""The record: SQLModel tables and the enums of their states, a module per aggregate."""

from models.application import Application, ApplicationStatus, Attachment, FactKind, FactValue, Supplement
from models.audit import AnchorStamp, AuditAnchor, AuditEntry
from models.award import Award, AwardList, AwardListEntry, ComputationInputs, ComputationRun, Outcome, PanelDecision
from models.ban import Ban, Barring
from models.calendar_change import CalendarChange
from models.clawback import Clawback, ClawbackGround, ClawbackReceipt, ClawbackShare, ClawbackState
from models.cycle import Cycle, CycleLease, CycleStatus, Decision, DecisionKind, StageVisit, VisitResult
from models.document import Document, DocumentNumber
from models.duty import DutyReport
from models.enterprise import Enterprise, FormerName
from models.erasure import Erasure
from models.imports import ImportFile, ImportKind
from models.inspection import Inspection, InspectionFile, InspectionKind
from models.interface import ApiRequest, ApiToken
from models.invitation import Invitation, InvitationList
from models.ledger import (
    Certainty,
    Finding,
    FindingKind,
    FindingVerdict,
    LedgerCorrection,
    LedgerEntry,
    LedgerLevel,
    LedgerSearch,
    SearchedApplication,
)
from models.outbox import (
    Bounce,
    Channel,
    DeliveryAttempt,
    Dispatch,
    Message,
    MessageAction,
    MessageChange,
    MessageStatus,
    OptOut,
    Relay,
)
from models.payment import Payment, PaymentOrder, PaymentReturn, PaymentStatus
from models.people import Role, User
from models.policy_version import DraftState, PolicyDraft, PolicyVersion
from models.public_notice import Objection, ObjectionFile, ObjectionStatus, PublicNotice
from models.registration import Draft, DraftFile, Registration
from models.saved_view import SavedView
from models.self_assessment import AssessmentState, HandedIn, SelfAssessment
from models.signin import Credential, LockOut, Sighting, SignIn, SignInEnd, SignInTry
from models.verification import Opinion, RequestStatus, ReviewerKind, VerificationReply, VerificationRequest

__all__ = [
    "AnchorStamp",
    "ApiRequest",
    "ApiToken",
    "Application",
    "ApplicationStatus",
    "AssessmentState",
    "Attachment",
    "AuditAnchor",
    "AuditEntry",
    "Award",
    "AwardList",
    "AwardListEntry",
    "Ban",
    "Barring",
    "Bounce",
    "CalendarChange",
    "Certainty",
    "Channel",
    "Clawback",
    "ClawbackGround",
    "ClawbackReceipt",
    "ClawbackShare",
    "ClawbackState",
    "ComputationInputs",
    "ComputationRun",
    "Credential",
    "Cycle",
    "CycleLease",
    "CycleStatus",
    "Decision",
    "DecisionKind",
    "DeliveryAttempt",
    "Dispatch",
    "Document",
    "DocumentNumber",
    "Draft",
    "DraftFile",
    "DraftState",
    "DutyReport",
    "Enterprise",
    "Erasure",
    "FactKind",
    "FactValue",
    "Finding",
    "FindingKind",
    "FindingVerdict",
    "FormerName",
    "HandedIn",
    "ImportFile",
    "ImportKind",
    "Inspection",
    "InspectionFile",
    "InspectionKind",
    "Invitation",
    "InvitationList",
    "LedgerCorrection",
    "LedgerEntry",
    "LedgerLevel",
    "LedgerSearch",
    "LockOut",
    "Message",
    "MessageAction",
    "MessageChange",
    "MessageStatus",
    "Objection",
    "ObjectionFile",
    "ObjectionStatus",
    "Opinion",
    "OptOut",
    "Outcome",
    "PanelDecision",
    "Payment",
    "PaymentOrder",
    "PaymentReturn",
    "PaymentStatus",
    "PolicyDraft",
    "PolicyVersion",
    "PublicNotice",
    "Registration",
    "Relay",
    "RequestStatus",
    "ReviewerKind",
    "Role",
    "SavedView",
    "SearchedApplication",
    "SelfAssessment",
    "Sighting",
    "SignIn",
    "SignInEnd",
    "SignInTry",
    "StageVisit",
    "Supplement",
    "User",
    "VerificationReply",
    "VerificationRequest",
    "VisitResult",
]
