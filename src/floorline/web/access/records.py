"""Everything that is kept of who may use the dashboard, over one state."""

from dataclasses import dataclass

from floorline.ledger.state import State
from floorline.web.access.links import Links
from floorline.web.access.people import People
from floorline.web.access.policy import WebPolicy
from floorline.web.access.sessions import Sessions
from floorline.web.access.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Accounts, sessions, links and tokens."""

    state: State
    people: People
    sessions: Sessions
    links: Links
    tokens: Tokens

    @classmethod
    def of(cls, state: State, policy: WebPolicy) -> "Records":
        """Those of a state."""
        sessions, links = Sessions(state, policy.idle, policy.lifetime), Links(state)
        return cls(
            state=state, people=People(state, sessions, links), sessions=sessions, links=links, tokens=Tokens(state)
        )
