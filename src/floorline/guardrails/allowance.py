"""Everything that floorline.yaml allows to be spent: its budgets and its rates."""

import msgspec

from floorline.guardrails.budget import Budget
from floorline.guardrails.rate import Rate


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """The budgets and rates of one configuration, whomever they are of."""

    budgets: tuple[Budget, ...] = ()
    rates: tuple[Rate, ...] = ()

    @property
    def is_hard(self) -> bool:
        """Whether any of it refuses calls: several gateways must then count in one place."""
        return bool(self.rates) or any(budget.hard for budget in self.budgets)


NOTHING = Allowance()
