import random

from codesign.report.importance import choice_importances

SETTINGS = {"space": {"budget": {"cycles": 100_000}}}


def results(count):
    """Accuracy follows the stem, cycles the width; ``mix`` is nothing but noise, ``stages`` is always the same."""
    generator = random.Random(1)
    candidates = []
    for n in range(count):
        choices = {"stem": generator.choice([8, 16, 32]), "width": generator.choice([8, "none", [1, 2]]),
                   "mix": generator.choice([1, 2]), "stages": 1} | ({"stage1.depth": 2} if n % 2 else {})
        candidates.append({"status": "trained" if n % 4 else "not trained", "choices": choices,
                           "accuracy": 0.9 + choices["stem"] / 1000,
                           "price": {"cycles": 1000 * len(str(choices["width"]))}, "resources": {"lut": 7}})
    return {"candidates": candidates, "settings": SETTINGS}


def test_what_decides_comes_first():
    found = choice_importances(results(60))
    assert found["accuracy"]["outcomes"] == 45 and found["cycles"]["outcomes"] == 60
    for objective, choice in (("accuracy", "stem"), ("cycles", "width")):
        shares = found[objective]["shares"]
        assert set(shares) == {"stem", "width", "mix"} and sum(shares.values()) < 1.001
        assert next(iter(shares)) == choice and shares[choice] > 0.9
    assert found == choice_importances(results(60))


def test_too_few_or_unknown_choices_say_nothing():
    assert choice_importances(results(7)) == {}
    old = [{k: v for k, v in c.items() if k != "choices"} for c in results(60)["candidates"]]
    assert choice_importances({"candidates": old, "settings": SETTINGS}) == {}
