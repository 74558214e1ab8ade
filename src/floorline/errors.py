"""The exceptions of Floorline. Expected failures inside the core are values; these are for the edges.

FloorlineError                 shown to the user as one line; the CLI exits with `exit_code`
├── BadInput                   what came from outside is wrong: says what, where, and how to mend it
│   ├── BadConfig              floorline.yaml, with line and column
│   ├── BadRow                 one line of an imported file; the file's good lines are kept
│   ├── Missing                there is nothing of that name
│   └── Changed                it is not what somebody saw of it any more
├── Mismatch                   the thing asked about does not hold (a check failed)
├── LedgerBusy                 another process owns the ledger
├── LedgerFull                 the spool's quota or the disk is used up
├── LedgerCorrupt              a record's checksum does not match what was written
└── ControlGone                the control process ended while a command used its ledger
"""


class FloorlineError(Exception):
    """Base of every error that Floorline shows to its user."""

    exit_code = 1


class BadInput(FloorlineError):
    """Something that came from outside cannot be accepted; the message says how to mend it."""

    exit_code = 2


class BadConfig(BadInput):
    """A setting is wrong. `where` is `file:line:column`."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class BadRow(BadInput):
    """One row of an imported file is wrong."""


class Missing(BadInput):
    """What somebody names is not there."""


class Changed(BadInput):
    """What somebody decides about has changed since they looked at it, or cannot go where they want it."""


class Mismatch(FloorlineError):
    """A check was made and does not hold."""


class LedgerBusy(FloorlineError):
    """Another process owns the ledger's folder."""

    exit_code = 2


class LedgerFull(FloorlineError):
    """The spool's quota is used up or the disk is full."""


class LedgerCorrupt(FloorlineError):
    """A stored record's checksum does not match: it is reported, never guessed."""


class ControlGone(FloorlineError):
    """The control process ended while a command used its ledger."""
