"""Team: the roles that a model can have, and the strategist."""

from dataclasses import dataclass, field

from lmanet.propose.roles.generate import Generate
from lmanet.propose.roles.mutate import Mutate
from lmanet.propose.roles.rank import Rank
from lmanet.propose.roles.steer import Steer
from lmanet.propose.roles.strategist import Strategist
from lmanet.propose.roles.task import Role, Round, Task


@dataclass(frozen=True)
class Team:
    """What each role is set to."""

    mutate: Mutate
    rank: Rank
    strategist: Strategist
    steer: Steer = field(default_factory=Steer)

    def task(self, role: str, given: Round) -> tuple[str, Task]:
        """The task of ``role``. If that role can offer nothing new and legal, the task is another
        role's, and the name says so.
        """
        generate = Generate()
        roles: dict[str, Role] = {"mutate": self.mutate, "rank": self.rank}
        if role == "steer" and (task := self.steer.task(given)):
            return role, task
        own_first = sorted(roles, key=lambda name: name != role)
        for name in () if role == "generate" else own_first:
            if task := roles[name].task(given):
                return name, task
        return "generate", generate.task(given)
