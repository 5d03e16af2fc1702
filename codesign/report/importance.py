"""Which of the choices mattered: Optuna's fANOVA of what the search saw."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence

from ..goals import Goals

__all__ = ["choice_importances"]

LEAST = 8  # outcomes, with fewer of which nothing is said
SEED = 0  # of the forest


def choice_importances(results: Mapping) -> dict[str, dict]:
    """By objective, ``outcomes`` (how many), ``trained`` (whether of the trained, or of all priced) and ``shares``
    (choice -> share of the variance it explains, the largest first).

    Only choices that every proposal makes are compared: a stage's are not. Missing where outcomes are too few or all
    alike, or where the results are of a version that did not keep the choices.
    """
    candidates = [c for c in results["candidates"] if "choices" in c]
    trained = [c for c in candidates if c["status"] == "trained"]
    objectives = [(metric, trained if metric.trained else candidates)
                  for metric in Goals.of_settings(results["settings"]).objectives]
    found = {metric.name: {"outcomes": len(among), "trained": metric.trained, "shares": _shares(among, metric.of)}
             for metric, among in objectives}
    return {name: about for name, about in found.items() if about["shares"]}


def _shares(candidates: Sequence[Mapping], value: Callable[[Mapping], float]) -> dict[str, float]:
    import optuna
    from optuna.distributions import CategoricalDistribution
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    if len(candidates) < LEAST or len({value(c) for c in candidates}) == 1:
        return {}
    choices = [{name: json.dumps(choice) for name, choice in c["choices"].items()} for c in candidates]
    common = set.intersection(*(set(c) for c in choices))
    known = {name: sorted({c[name] for c in choices}) for name in sorted(common)}
    names = [name for name, values in known.items() if len(values) > 1]
    if not names:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(SEED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.add_trials([optuna.trial.create_trial(
            value=value(c), params={name: chosen[name] for name in names},
            distributions={name: CategoricalDistribution(known[name]) for name in names})
            for c, chosen in zip(candidates, choices, strict=True)])
        return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=SEED))
