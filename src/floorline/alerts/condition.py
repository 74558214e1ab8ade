"""What a rule says of one subject at one time."""

from decimal import Decimal
from typing import Literal, NamedTuple

from floorline.alerts.model import Severity, SubjectKind, Unit

Reading = Literal["firing", "held", "clear", "thin"]
"""Beyond the threshold with enough evidence; between the two thresholds, or beyond with too little; on the good side of
both; nothing that could be judged."""


class Condition(NamedTuple):
    """One rule's judgement of one subject. `stake_usd` is dollars a month; `trend` how far the value moved in a week.

    `evidence` is a sentence with both figures, empty unless it fires. `edition`: see Alert. `feature` is whose owner answers
    where the subject is no feature itself.
    """

    rule: str
    kind: SubjectKind
    subject: str
    reading: Reading
    severity: Severity = "warning"
    value: Decimal | None = None
    threshold: Decimal | None = None
    unit: Unit = "ratio"
    trend: Decimal | None = None
    stake_usd: Decimal | None = None
    evidence: str = ""
    edition: str = ""
    feature: str = ""
