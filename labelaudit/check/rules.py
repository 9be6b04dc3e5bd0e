"""Evaluates the rules of a policy: measured value, limit, passed or failed.

*Counts* are of new suspects: neither in the baseline, nor accepted by a person, nor ignored by the policy, nor
uncertain, nor doubtful where sure ones alone count. *Noise* is compared at the lower end of its 90 % interval: a limit
is broken only where the whole interval lies above it, for a build must not fail on sampling error. The estimate itself
may well lie above a limit that is kept, and then the message says so. With a baseline the limit is at least the upper
end of the noise that the baseline recorded: what was known does not count, a rise counts only beyond its interval.

Some rules hold unless they are switched off by name, whatever else is asked for: no other limit, and no typo in one,
opens the gate. They are about facts: no conflicts, unreadable files or leaks (``no-leaks = false``). Suspects are
opinions and only reported, but with a baseline none may be new, unless ``max-new`` or ``max-suspects`` says how many.
That noise has not risen is a rule wherever there is a baseline, unless ``max-noise`` says how far it may, or the gate
is about a few files, whose noise is not the dataset's.

Left out: rules about unlabelled images, repeated rows and the like, which need not be wrong. They are findings, listed
and counted in every format, and a note says that no rule is about them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from labelaudit.audit.concentration import find_attribute, list_attributes
from labelaudit.check.baseline import Noise
from labelaudit.check.check_input import CheckInput
from labelaudit.check.outcome import Rule, Suspect
from labelaudit.check.policy import TOLERANCE, ScopedRule, Where
from labelaudit.errors import OptionError, unknown_name
from labelaudit.judge.decide import low_end_of_sure, noise_rate, open_interval, widen_as
from labelaudit.kinds import KINDS
from labelaudit.text import count, interval, says_little
from labelaudit.types import Bools

_SUBJECTS = {
    "no-conflicts": ("image under two labels", "images under two labels"),
    "no-unreadable": ("file that cannot be read", "files that cannot be read"),
    "no-leaks": ("image in two splits", "images in two splits"),
    "no-shortcuts": ("shortcut past the picture", "shortcuts past the picture"),
}
KINDS_OF: Mapping[str, tuple[str, ...]] = {
    rule: tuple(name for name, kind in KINDS.items() if kind.rule == rule) for rule in _SUBJECTS
}
"""Rule -> the kinds of findings that break it."""
_DRIFT = 0.001
"""A noise limit that is missed or kept by no more is said to be close: another machine may decide otherwise. Seven
times the largest drift measured, as for `labelaudit.check.policy.TOLERANCE`."""
_KNOWN = 1e-3
"""Suspicions that differ by no more than that are the same."""


def apply_rules(case: CheckInput) -> tuple[tuple[Rule, ...], dict[str, Noise]]:
    """Every rule in force with its verdict, and the noise they measured, by the name it has in a baseline."""
    noise = {"dataset": measure_noise(case, case.in_scope)}
    rules = [*_whole_dataset(case, noise["dataset"])]
    for name, limit in _class_limits(case):
        where = Where(label=name)
        noise[f"class {name}"] = measured = measure_noise(case, case.matches(where))
        rules.append(_noise_rule(case, "max-class-noise", where, f"class {name}", measured, limit))
    for where, scoped in _scoped(case):
        mask = case.matches(where)
        if scoped.max_noise is not None:
            noise[f"rule {where}"] = measured = measure_noise(case, mask)
            rules.append(_noise_rule(case, "max-noise", where, f"rule {where}", measured, scoped.max_noise))
        chosen = tuple(s for s, row in zip(case.suspects, case.suspect_rows.tolist(), strict=True) if mask[row])
        for rule_id, most in (("max-suspects", scoped.max_suspects), ("max-new", scoped.max_new)):
            if most is not None:
                rules.append(_count_rule(case, rule_id, where, chosen, most))
    _check_unique(rules)
    return tuple(rules), {name: measured for name, measured in noise.items() if measured is not None}


def measure_noise(case: CheckInput, mask: Bools) -> Noise | None:
    """The share of wrong labels among the samples of ``mask`` (n,) that count; None where it cannot be estimated.

    Of all samples it is what a review of a random sample measured, if there was one, else the audit's own where nobody
    said anything.
    """
    decision = case.audit.decision
    chosen = mask & case.counted
    if not chosen.any():
        return None
    whole = np.array_equal(chosen, decision.judged)
    if case.measured is not None and whole:
        return case.measured
    if whole and np.allclose(case.suspicion, decision.suspicion, atol=_KNOWN):  # every verdict is known to the audit
        found = Noise(decision.noise_rate, *decision.noise_interval)
        return found if all(map(math.isfinite, found)) else None
    rate, (low, high) = noise_rate(case.suspicion[chosen])
    low = low_end_of_sure(low, case.suspicion[chosen], decision.sure_from)
    if whole:
        low, high = widen_as(decision, replace(decision, noise_interval=(low, high))).noise_interval
    return Noise(rate, *open_interval((low, high), float(decision.recipe.get("blind", 0.0))))


def _whole_dataset(case: CheckInput, noise: Noise | None) -> Iterator[Rule]:
    """Yield the rules that are about everything in scope, with their verdicts."""
    baseline = case.baseline
    policy = case.policy.in_force(baseline=baseline is not None)
    if policy.max_noise is not None:
        yield _noise_rule(case, "max-noise", Where(), "dataset", noise, policy.max_noise)
    elif baseline is not None and "dataset" in baseline.noise and case.scope is None:
        yield _noise_rule(case, "noise-rise", Where(), "dataset", noise, baseline.noise["dataset"].high)
    for rule_id, most in (("max-suspects", policy.max_suspects), ("max-new", policy.max_new)):
        if most is not None:
            yield _count_rule(case, rule_id, Where(), case.suspects, most)
    for attribute, limit in policy.max_suspects_per.items():
        yield _per_value_rule(case, attribute, limit)
    for rule_id, kinds in KINDS_OF.items():
        if getattr(policy, rule_id.replace("-", "_")):
            yield _no_rule(case, rule_id, kinds)


def _class_limits(case: CheckInput) -> Iterator[tuple[str, float]]:
    """(class, limit), in the order of the classes."""
    limits, classes = case.policy.max_class_noise, case.audit.samples.classes
    for name, number in zip(classes, case.audit.samples.counts().tolist(), strict=True):
        if name in limits or ("*" in limits and number):
            yield name, limits.get(name, limits.get("*", 1.0))


def _scoped(case: CheckInput) -> Iterator[tuple[Where, ScopedRule]]:
    """The policy's rules, one about ``*`` as one about each class."""
    samples = case.audit.samples
    for rule in case.policy.rules:
        names = [rule.where.label]
        if rule.where.label == "*":
            names = [name for name, n in zip(samples.classes, samples.counts().tolist(), strict=True) if n]
        for name in names:
            yield replace(rule.where, label=name), rule


def _noise_rule(case: CheckInput, rule_id: str, where: Where, name: str, noise: Noise | None, limit: float) -> Rule:
    """Broken where the lower end of the noise interval lies above ``limit``, or above what the baseline recorded."""
    known = case.baseline.noise.get(name) if case.baseline is not None else None
    raised = known is not None and known.high > limit
    most = known.high if known is not None and raised else limit
    about = f" of '{where}'" if str(where) else ""
    if noise is None:
        return Rule(
            id=rule_id,
            where=where,
            measured=None,
            limit=most,
            passed=True,
            message=f"Noise{about} cannot be estimated: no sample was judged (too few per class, or all are ignored).",
            open=True,
        )
    high = round(noise.high, 4)  # as a baseline records it
    passed = noise.low <= most
    span = interval(noise.low, noise.high)
    said = f"{span[0].upper()}{span[1:]} of the labels{about} are wrong (90% interval)"
    if noise is case.measured:
        said = f"About {noise.rate:.1%} of the labels{about} are wrong by a review of a random sample ({span})"
    recorded = raised or rule_id == "noise-rise"
    bound = f"the {_percent(most)} that the baseline reached" if recorded else f"the limit of {_percent(most)}"
    if raised and rule_id != "noise-rise":
        bound += f", which stands in for the limit of {_percent(limit)}"
    if not passed:
        verdict = f"all of it above {bound}"
    elif says_little(noise.low, noise.high):
        said, verdict = f"Too few samples{about} for an estimate", "neither kept nor broken"
    elif high > most and not recorded:
        verdict = f"{bound} lies between: neither kept nor broken"
    elif high > most:
        verdict = f"partly above {bound}"
    else:
        verdict = f"within {bound}"
    if passed and case.audit.decision.recipe.get("blind") and noise is not case.measured:
        verdict += "; models that saw siblings or a shortcut prove nothing by it (see the notes)"
    close = "; so close to it that another machine may decide otherwise" if abs(noise.low - most) <= _DRIFT else ""
    return Rule(
        id=rule_id,
        where=where,
        measured=noise.low,
        limit=most,
        passed=passed,
        message=f"{said}, {verdict}{close}.",
        open=passed and not recorded and high > most,
    )


def _count_rule(case: CheckInput, rule_id: str, where: Where, suspects: tuple[Suspect, ...], most: int) -> Rule:
    """Broken where more than ``most`` of the suspects are new."""
    if rule_id == "max-new" and case.baseline is None:
        raise OptionError("max-new counts what a baseline does not know: name one with `baseline`")
    of = Counter(suspect.status for suspect in suspects)
    new = of["new"]
    about = f" of '{where}'" if str(where) else ""
    parts = [f"{count(new, 'new suspect')}{about}, at most {most:,} allowed"]
    if of["known"]:
        parts.append(f"{of['known']:,} known to the baseline")
    if of["uncertain"]:
        parts.append(f"{of['uncertain']:,} within {TOLERANCE} of the threshold, too uncertain to count")
    if of["doubtful"]:
        parts.append(f"{of['doubtful']:,} doubtful, which count where `tier` is doubtful")
    return Rule(
        id=rule_id,
        where=where,
        measured=float(new),
        limit=float(most),
        passed=new <= most,
        message="; ".join(parts) + ".",
    )


def _no_rule(case: CheckInput, rule_id: str, kinds: tuple[str, ...]) -> Rule:
    """Broken by a single new finding of ``kinds``."""
    found = [problem for problem in case.problems if problem.kind in kinds]
    new, known = (sum(problem.status == status for problem in found) for status in ("new", "known"))
    parts = [f"{new:,} {_SUBJECTS[rule_id][new != 1]}"]
    if known:
        parts.append(f"{known:,} known to the baseline")
    if rule_id == "no-leaks" and case.audit.samples.splits is None:
        parts.append("the dataset has no splits")
    if rule_id == "no-leaks" and (scenes := sum(problem.kind == "same_scene" for problem in case.problems)):
        parts.append(f"{scenes:,} more that seem to show a scene of another split, which break no rule")
    return Rule(id=rule_id, measured=float(new), limit=0.0, passed=not new, message="; ".join(parts) + ".")


def _per_value_rule(case: CheckInput, attribute: str, limit: float) -> Rule:
    """Broken where more than ``limit`` of the samples of one value of ``attribute`` are new suspects."""
    values = find_attribute(case.audit.samples, attribute)
    if values is None:
        known = (*case.audit.samples.extra, *list_attributes(case.audit.samples))
        raise unknown_name("column to count suspects by", attribute, tuple(dict.fromkeys(known)))
    code = np.unique(values, return_inverse=True)[1]
    rows = [row for s, row in zip(case.suspects, case.suspect_rows.tolist(), strict=True) if s.status == "new"]
    sizes = np.bincount(code[case.in_scope], minlength=code.max() + 1)
    hits = np.bincount(code[rows], minlength=len(sizes)) if rows else np.zeros(len(sizes), dtype=np.int64)
    shares = hits / np.maximum(sizes, 1)
    worst = int(shares.argmax())
    value = values[int(np.flatnonzero(code == worst)[0])]
    message = f"'{value}' has the most: {hits[worst]:,} of {sizes[worst]:,} are new suspects ({shares[worst]:.1%})"
    return Rule(
        id="max-suspects-per",
        attribute=attribute,
        measured=float(shares[worst]),
        limit=limit,
        passed=bool(shares[worst] <= limit),
        message=f"By '{attribute}' {message}, at most {_percent(limit)} allowed.",
    )


def _check_unique(rules: Sequence[Rule]) -> None:
    names = Counter(rule.name for rule in rules)
    twice = [name for name, number in names.items() if number > 1]
    if twice:
        raise OptionError(f"the policy has two rules '{twice[0]}': keep one")


def _percent(share: float) -> str:
    return f"{share:.2%}".replace(".00%", "%")
