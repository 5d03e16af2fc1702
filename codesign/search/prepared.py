"""Searches that train something for the whole space first, and what they have of it.

Their budget is that of any other search: ``trained`` networks times ``epochs``, in passes of one network over the
training images. What is trained beforehand is taken from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..board import Board
from ..costs import Row
from ..datasets import Dataset
from ..network import Network
from ..recipe import Recipe
from .preparation import Advance, Course
from .space import Space

__all__ = ["Inheritance", "PREPARED", "Prepared", "prepare"]

PREPARED = ("supernet", "fbnet")  # the searches that :func:`prepare` trains for
Complete = Callable[[Sequence[tuple[str, Course]]], list[Advance]]

FBNET_SHARE = 0.5  # of the budget, before networks are trained
WARM_SHARE = 0.4  # of that, for weights alone
FBNET_BETAS = (0.6, 2.0, 6.0)  # FBNet's, and two more of the family


@dataclass(frozen=True, kw_only=True, eq=False)
class Inheritance:
    """A finished supernet, from which networks have their weights; can be sent to workers.

    plan : the :class:`~codesign.search.supernet.fitting.SupernetPlan`; state : its end
    """

    plan: Any
    state: bytes

    def network(self, network: Network, dataset: Dataset, searched: Dataset, device: str) -> Any:
        """In a worker: the :class:`~codesign.train.TrainResult` of ``network``, not trained any more; see
        :func:`codesign.search.supernet.fitting.inherit`."""
        from .supernet.fitting import inherit

        return inherit(self.plan, self.state, network, dataset, searched, device)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """inheritance : where networks have their weights from; None: each is trained
    family : distributions over choices to propose from (``beta``, ``probabilities`` by name of the choice)
    passes : of one network over the training images, that it took
    """

    inheritance: Inheritance | None = None
    family: Sequence[Mapping[str, Any]] = ()
    passes: float = 0.0


def prepare(search: str, space: Space, board: Board, *, passes: int, proposals: int, seed: int, recipe: Recipe,
            complete: Complete, rows: Callable[[], tuple[Row, ...]] = tuple) -> Prepared:
    """What ``search`` trains before it proposes; nothing, for most.

    passes, proposals : the whole search's budget: a proposal that inherits takes one pass, for its statistics
    complete : does the trainings, see :func:`codesign.search.preparation.complete`
    rows : gives those of cycles, of today's Verilog, that latency is priced by; without any the cost model says it
    """
    if search == "supernet":
        from .supernet.fitting import SupernetPlan

        plan = SupernetPlan(space=space, epochs=max(1, passes - proposals), seed=seed, recipe=recipe)
        end, = complete([("supernet", plan)])
        return Prepared(inheritance=Inheritance(plan=plan, state=end.state), passes=plan.epochs)
    if search == "fbnet":
        from .supernet.differentiable import PASSES, FbnetPlan
        from .supernet.fitting import SupernetPlan

        spent = FBNET_SHARE * passes
        warm = SupernetPlan(space=space, epochs=max(1, int(WARM_SHARE * spent)), seed=seed, recipe=recipe)
        begin, = complete([("supernet", warm)])
        epochs = max(1, int((1 - WARM_SHARE) * spent / PASSES / len(FBNET_BETAS)))
        evidence = rows()
        courses = [(f"fbnet-{beta:g}", FbnetPlan(warm=warm, warm_state=begin.state, board=board, beta=beta,
                                                 epochs=epochs, rows=evidence)) for beta in FBNET_BETAS]
        ends = complete(courses)
        return Prepared(family=[end.outcome for end in ends],
                        passes=warm.epochs + len(courses) * epochs * PASSES)
    return Prepared()
