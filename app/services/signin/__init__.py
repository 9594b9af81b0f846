"""Signs merchants in whose shop's admin does not embed ours: links that work once, sessions, several shops."""

from app.services.signin.links import MAIL_LIFE, Invitation, look_at_link, one_time_link
from app.services.signin.mailing import mail_asked, mail_link, mail_owner
from app.services.signin.people import (
    Known,
    Member,
    Reachable,
    expel,
    forget_strangers,
    list_members,
    reachable_shops,
    reseal_people,
)
from app.services.signin.sessions import (
    LIFE,
    OpenSession,
    SignedIn,
    choose_shop,
    enter,
    find_session,
    forget_old,
    list_sessions,
    revoke_others,
    revoke_session,
    sign_out,
)

# What the pages tell.
MAIL_MINUTES = int(MAIL_LIFE.total_seconds() // 60)

__all__ = [
    "LIFE",
    "MAIL_MINUTES",
    "Invitation",
    "Known",
    "Member",
    "OpenSession",
    "Reachable",
    "SignedIn",
    "choose_shop",
    "enter",
    "expel",
    "find_session",
    "forget_old",
    "forget_strangers",
    "list_members",
    "list_sessions",
    "look_at_link",
    "mail_asked",
    "mail_link",
    "mail_owner",
    "one_time_link",
    "reachable_shops",
    "reseal_people",
    "revoke_others",
    "revoke_session",
    "sign_out",
]
