"""Who may do what: one table from role to permissions. Which tenant, source or learner is the key's own matter."""

from typing import Literal, get_args

Permission = Literal[
    "sources:manage", "mappings:manage", "evidence:write", "observations:write", "receipts:read",
    "quarantine:read", "quarantine:redrive", "imports:decide", "roster:write", "learners:lookup", "learners:link",
    "learners:erase", "policies:manage", "frameworks:manage", "standings:read", "history:read",
    "achievements:manage", "awards:read", "awards:decide", "credentials:read",
]  # fmt: skip
Role = Literal[
    "operator", "registrar", "district", "teacher", "adviser", "auditor", "source", "learner", "guardian"
]  # fmt: skip

OWN_RECORD: frozenset[Permission] = frozenset({"standings:read", "history:read", "awards:read", "credentials:read"})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # runs the machines: no learner's record
    "operator": frozenset(
        {"sources:manage", "mappings:manage", "frameworks:manage", "receipts:read", "quarantine:read",
         "quarantine:redrive"}
    ),
    "registrar": OWN_RECORD | {
        "roster:write", "learners:lookup", "learners:link", "learners:erase", "receipts:read", "quarantine:read",
        "quarantine:redrive", "imports:decide", "achievements:manage", "awards:decide",
    },
    "district": OWN_RECORD | {
        "sources:manage", "mappings:manage", "policies:manage", "frameworks:manage", "achievements:manage",
        "roster:write", "learners:lookup", "receipts:read", "quarantine:read", "quarantine:redrive",
    },
    "teacher": frozenset({"observations:write", "learners:lookup", "standings:read", "history:read"}),
    "adviser": OWN_RECORD | {"learners:lookup"},
    "auditor": OWN_RECORD | {"receipts:read"},
    "source": frozenset({"evidence:write", "receipts:read"}),
    "learner": OWN_RECORD,
    "guardian": OWN_RECORD,
}  # fmt: skip

# what a key of a role must say besides its tenant
REQUIRED: dict[Role, tuple[str, ...]] = {
    "district": ("organisation",),
    "teacher": ("organisation", "person"),
    "source": ("source",),
    "learner": ("learner",),
    "guardian": ("learner", "person"),
}

ROLES: tuple[Role, ...] = get_args(Role)


def may(role: str, permission: Permission) -> bool:
    """Whether the role has the permission; an unknown role has none."""
    return any(role == known and permission in allowed for known, allowed in PERMISSIONS.items())
