"""Whom an identity provider vouches for, by the claims of an ID token that was checked, and as what. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from floorline.web.access.people import EMAIL_CHARACTERS_MAX
from floorline.web.access.policy import OidcPolicy
from floorline.web.who import ROLES, Role

Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody. `name` is the e-mail address when the provider has verified it; else a name that holds the subject, so that
    nobody takes another's. `subject` is the provider's own name for them.
    """

    name: str
    role: Role
    subject: str


class NotVouched(Exception):
    """The provider does not vouch for whoever came, or the configuration does not let them in: the message says why."""


def person_of(claims: Claims, policy: OidcPolicy) -> Person:
    """Who the claims are of. NotVouched when the domain is not allowed, or no role is theirs."""
    email = _text(claims, "email").casefold()
    verified = email if claims.get("email_verified") is True else ""
    subject = _text(claims, "sub")
    if not subject:
        raise NotVouched("the identity provider names nobody (no `sub`)")
    if policy.allowed_domains and verified.rpartition("@")[2] not in policy.allowed_domains:
        raise NotVouched(
            f"{verified} is of no domain that may come in"
            if verified
            else "the identity provider says no verified e-mail address, by which its domain would be known"
        )
    role = _role(claims, policy)
    if role is None:
        raise NotVouched(
            f"the identity provider gives no role here: its claim {policy.role_claim!r} has none that is known"
        )
    shown = email or _text(claims, "preferred_username") or _text(claims, "name")
    return Person(name=verified or (f"{shown} ({subject})" if shown else subject), role=role, subject=subject)


def _role(claims: Claims, policy: OidcPolicy) -> Role | None:
    """The highest role of those that the claim names."""
    values = {str(one) for one in _values(_member(claims, policy.role_claim))} if policy.role_claim else set[str]()
    given = {role for value, role in policy.roles.items() if value in values}
    highest: list[Role] = [role for role in ROLES if role in given]
    return highest[-1] if highest else policy.default_role


def _member(claims: Claims, name: str) -> object:
    """The claim `name`; when there is none, the one that its dots lead to, as in `realm_access.roles`."""
    at: object = claims.get(name)
    if at is not None:
        return at
    at = cast("object", claims)
    for part in name.split("."):
        at = cast("Claims", at).get(part) if isinstance(at, Mapping) else None
    return at


def _values(claim: object) -> Sequence[object]:
    if isinstance(claim, list | tuple):
        return cast("Sequence[object]", claim)
    return () if claim is None else (claim,)


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value.strip()[:EMAIL_CHARACTERS_MAX] if isinstance(value, str) and value.isprintable() else ""
