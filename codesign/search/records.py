"""Candidates as records: what the study, the results file and the report say of each; and which are the best."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..goals import Goals
from ..network import Network
from .pareto import pareto_front
from .solve import Pair

__all__ = ["TRIED", "as_measured", "best_records", "front_of", "most_promising", "pair_record", "summarize",
           "training_spent"]

ACCURACY_MARGIN = 0.02
LEAST_OF_THE_BEST = 0.5
TRIED = ("trained", "screened", "failed")


def summarize(network: Network) -> str:
    """A network in a line: ``32 pool 2x(shift 64) block64/2 block64 96``; input, average and classes left out."""
    words: list[str] = []
    written: Any = network.to_dict()["layers"]
    for item in written:
        kind: str
        fields: Any
        kind, fields = next(iter(item.items())) if isinstance(item, dict) else (item, None)
        match kind:
            case "conv":
                words.append(str(fields))
            case "pool":
                words.append("pool+1" if fields and fields.get("padding") else "pool")
            case "shift":
                words.append("shift" if fields == "released" else f"shift{len(fields)}")
            case "block":
                words.append(f"block{fields['out']}" + ("/2" if fields.get("downsample") else "")
                             + (f"x{fields['expansion']}" if "expansion" in fields else ""))
    return " ".join(words)


def pair_record(pair: Pair) -> dict:
    """All of a priced pair, JSON-compatible; ``id`` is the first 12 digits of its digest."""
    return {"id": pair.digest[:12], "network": pair.network.to_dict(),
            "network_digest": pair.network.digest(), "summary": summarize(pair.network),
            "accelerator_digest": pair.config.digest(), **pair.costs}


def as_measured(candidate: Mapping) -> dict:
    """``candidate`` with what was measured in place of what was expected, where it was; accuracy is of the held-out
    images then."""
    measured = candidate.get("measured")
    if measured is None:
        return dict(candidate)
    price = {**candidate["price"], "cycles": measured["cycles"]}
    return {**candidate, "accuracy": measured["accuracy"], "price": price, "energy": measured["energy"]}


def most_promising(records: Sequence[dict], count: int, goals: Goals) -> list[dict]:
    """The ``count`` to train first: fronts of weights (up) against what they cost (down), one after another, the last
    one thinned out evenly from its heavy end.

    A proxy that costs nothing; parameter counts are hard to beat at that price.
    """
    left, chosen = list(records), list[dict]()
    while left and len(chosen) < count:
        front = sorted(pareto_front(left, lambda r: (-r["weights"], goals.cost.loss(r))), key=lambda r: -r["weights"])
        take = min(count - len(chosen), len(front))
        chosen += [front[i * len(front) // take] for i in range(take)]
        left = [r for r in left if r not in front]
    return chosen


def best_records(records: Sequence[dict], count: int, goals: Goals) -> list[dict]:
    """Trained records of the best ``count`` networks: the first of each along the front of all objectives from its
    accurate end (by default), then along the front of what is left; after these, what else of these networks is on the
    front, on other accelerators. Those less accurate than the best by more than ACCURACY_MARGIN, where accuracy is an
    objective, come only when the others are used up; those that miss a constraint after these."""
    trained = [r for r in records if r["status"] == "trained"]
    met = [r for r in trained if not goals.missed(r, trained=True)]
    bar = max((r["accuracy"] for r in met), default=0.0) - (ACCURACY_MARGIN if goals.objectives[0].trained else 1.0)
    best: dict[str, dict] = {}  # by network
    for left in ([r for r in met if r["accuracy"] >= bar], [r for r in met if r["accuracy"] < bar],
                 [r for r in trained if r not in met]):
        while left and len(best) < count:
            front = pareto_front(left, goals.losses)
            for record in sorted(front, key=goals.losses):
                if len(best) < count:
                    best.setdefault(record["network_digest"], record)
            left = [r for r in left if r not in front]
    others = [r for r in pareto_front(met, goals.losses) if r["network_digest"] in best and r not in best.values()]
    return [*best.values(), *sorted(others, key=goals.losses)]


def front_of(trained: Collection[dict], goals: Goals) -> list[dict]:
    """Those of the ``trained`` that meet all constraints and that no other of these beats in all objectives. What is
    less than half as accurate as the best has not learned the task, and is not among them."""
    least = LEAST_OF_THE_BEST * max((r["accuracy"] for r in trained), default=0.0)
    return pareto_front([r for r in trained if r["accuracy"] >= least and not goals.missed(r, trained=True)],
                        goals.losses)


def training_spent(records: Sequence[dict]) -> float:
    """Whole trainings that the networks of ``records`` had, in all."""
    return sum({(r["network_digest"], r["epochs"]): r["fidelity"] for r in records if r["status"] in TRIED}.values())
