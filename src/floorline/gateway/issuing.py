"""Who makes, revokes and rotates virtual keys. Every change is in the state and in the keyring file, or in neither."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from floorline.errors import BadInput
from floorline.gateway.keyring_file import write_keyring
from floorline.gateway.keys import (
    ID_RANDOM_BYTES,
    KEY_RANDOM_BYTES,
    Key,
    digest,
    fingerprint,
    keyring_bytes,
    new_id,
    new_key,
)
from floorline.gateway.policy import Unattributed
from floorline.ledger.renaming import renamed
from floorline.ledger.state import State

TEXT_MAX = 200
SECRET_SETTING = "keys.secret"  # noqa: S105 - a setting's name
"""The fingerprint of the secret that the keys were made with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a new key shall be. Empty text and empty lists: open."""

    name: str
    customer: str = ""
    feature: str = ""
    plan: str = ""
    environment: str = ""
    purpose: str = ""
    expires_at: datetime | None = None
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    unattributed: Unattributed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new key with its text, which is kept nowhere else."""

    key: Key
    text: str


class Issuer:
    """The keys of one state. `random` gives that many bytes nobody can guess; `actor` is whom the audit names."""

    def __init__(
        self, state: State, keyring: Path, secret: bytes, random: Callable[[int], bytes], *, actor: str
    ) -> None:
        self._state, self._keyring, self._secret, self._random = state, keyring, secret, random
        self._actor = actor

    def keys(self) -> list[Key]:
        """Every key, oldest first."""
        return self._state.virtual_keys()

    def create(self, wish: Wish, now: datetime) -> Issued:
        """A new key. BadInput says what is wrong with the wish, or that the signing secret is not the keys' own."""
        for field, text in (
            ("name", wish.name),
            ("customer", wish.customer),
            ("feature", wish.feature),
            ("plan", wish.plan),
        ):
            _check(field, text)
        if not wish.name:
            raise BadInput("a key needs a name: --name, who or what will use it")
        if wish.expires_at is not None and wish.expires_at <= now:
            raise BadInput(f"the key would have expired at {wish.expires_at.isoformat()}: name a time to come")
        self._check_secret(now)
        issued = self._issue(wish, now)
        self._change(lambda _: [issued.key], "key.create", now)
        return issued

    def revoke(self, key_id: str, now: datetime) -> Key:
        """The key, good for nothing from now on; gateways know within 2 s. A revoked key stays as it was."""
        revoked: list[Key] = []

        def change(keys: Sequence[Key]) -> list[Key]:
            key = _known(keys, key_id)
            revoked.append(key if key.revoked else msgspec.structs.replace(key, revoked_at=now))
            return revoked

        self._change(change, "key.revoke", now)
        return revoked[0]

    def rotate(self, key_id: str, grace: timedelta, now: datetime) -> Issued:
        """A key of the same rights in place of this one, which goes on for `grace`. It lives as long as the old one was meant to."""
        self._check_secret(now)
        issued: list[Issued] = []

        def change(keys: Sequence[Key]) -> list[Key]:
            old = _known(keys, key_id)
            if old.revoked or old.expired(now):
                raise BadInput(f"{key_id} is {'revoked' if old.revoked else 'expired'}: create a new key")
            life = None if old.expires_at is None else now + (old.expires_at - old.created_at)
            issued.append(self._issue(_wish_of(old, life), now, replaces=old.id))
            until = now + grace if old.expires_at is None else min(old.expires_at, now + grace)
            return [msgspec.structs.replace(old, expires_at=until), issued[0].key]

        self._change(change, "key.rotate", now)
        return issued[0]

    def erase(self, words: Mapping[str, str], now: datetime) -> list[Key]:
        """Revoke the keys of the customers that are named in `words`, and put the surrogates there in place of the names
        in every key; the keys that were revoked.
        """
        revoked: list[Key] = []

        def change(keys: Sequence[Key]) -> list[Key]:
            changed: list[Key] = []
            for key in keys:
                name = renamed(key.name, words)
                if key.customer in words:
                    end = key.revoked_at or now
                    erased = msgspec.structs.replace(key, name=name, customer=words[key.customer], revoked_at=end)
                    revoked.append(erased)
                    changed.append(erased)
                elif name != key.name:
                    changed.append(msgspec.structs.replace(key, name=name))
            return changed

        if change(self.keys()):
            revoked.clear()
            self._change(change, "key.erase", now)
        return revoked

    def _issue(self, wish: Wish, now: datetime, *, replaces: str = "") -> Issued:
        text = new_key(self._random(KEY_RANDOM_BYTES))
        key = Key(
            id=new_id(self._random(ID_RANDOM_BYTES)),
            name=wish.name,
            digest=digest(text.encode(), self._secret),
            created_at=now,
            customer=wish.customer,
            feature=wish.feature,
            plan=wish.plan,
            environment=wish.environment,
            purpose=wish.purpose,
            expires_at=wish.expires_at,
            models=wish.models,
            providers=wish.providers,
            unattributed=wish.unattributed,
            replaces=replaces,
        )
        return Issued(key=key, text=text)

    def _change(self, change: Callable[[Sequence[Key]], Sequence[Key]], action: str, now: datetime) -> None:
        made_with = self._state.setting(SECRET_SETTING)
        secret = bytes.fromhex(made_with) if made_with else fingerprint(self._secret)
        self._state.change_virtual_keys(
            change,
            lambda keys: write_keyring(self._keyring, keyring_bytes(keys, secret)),
            now=now,
            actor=self._actor,
            action=action,
        )

    def _check_secret(self, now: datetime) -> None:
        """Keys of two secrets cannot live in one ring: a new secret begins when no key of the old one is good any more."""
        own, made_with = fingerprint(self._secret).hex(), self._state.setting(SECRET_SETTING)
        if made_with == own:
            return
        good = [key for key in self._state.virtual_keys() if not key.revoked and not key.expired(now)]
        if made_with is not None and good:
            raise BadInput(
                f"the {len(good)} good keys were made with another signing secret: bring it back (FLOORLINE_SECRET, or the "
                "file `secret` in FLOORLINE_HOME), or revoke them first, because gateways cannot know keys of two secrets"
            )
        self._state.set_setting(SECRET_SETTING, own)


def _known(keys: Sequence[Key], key_id: str) -> Key:
    by_id: Mapping[str, Key] = {key.id: key for key in keys}
    if key_id not in by_id:
        raise BadInput(f"there is no key {key_id!r}: `floorline keys list` has the ids (k_…), not the keys themselves")
    return by_id[key_id]


def _wish_of(key: Key, expires_at: datetime | None) -> Wish:
    return Wish(
        name=key.name,
        customer=key.customer,
        feature=key.feature,
        plan=key.plan,
        environment=key.environment,
        purpose=key.purpose,
        expires_at=expires_at,
        models=key.models,
        providers=key.providers,
        unattributed=key.unattributed,
    )


def _check(field: str, text: str) -> None:
    if len(text) > TEXT_MAX or not text.isprintable() or text != text.strip():
        raise BadInput(
            f"the {field} of a key is at most {TEXT_MAX} printable characters without spaces around them, got {text[:40]!r}"
        )
