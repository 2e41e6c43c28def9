"""What a search says about itself, in plain words, and only where its numbers bear it out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skribe.plots.axes import is_sampled, places, scale_of
from skribe.plots.failures import failed
from skribe.plots.remarks import Advice
from skribe.plots.slices import slices_of
from skribe.plots.table import Array, Column, Mask, SearchTable, error_of, mean_of
from skribe.plots.words import spoken, spoken_score
from skribe.words import seconds, shorten

# Within this part of a sampled range, the best value is at its edge.
_OUTER = 0.02
# Scores from this part of the range on are looked at, to see whether the score depends on the edge at all.
_AWAY = 0.25
# Twice as fast, and by more than a clock's inaccuracy.
_FASTER = 2.0
_WORTH_SECONDS = 1e-3
# From this gap between train and test on, for scores between 0 and 1; for others, as a part of the test score.
_GAP = 0.05
_GAP_PART = 0.5


def advice(table: SearchTable) -> list[Advice]:
    """Remarks on failures, edges, parameters without effect, faster candidates and overfitting; often none."""
    remarks = failed(table)
    best = table.leader()
    if best is None or not np.isfinite(table.mean()[best]):
        return remarks
    # What decides whether a candidate fails makes a difference, however alike the other scores are.
    decisive = {key for remark in remarks for key in remark.params}
    idle = [remark for remark in _without_effect(table) if not decisive.intersection(remark.params)]
    return [*remarks, *_edges(table, best), *idle, *_faster(table, best), *_overfit(table, best)]


def _edges(table: SearchTable, best: int) -> list[Advice]:
    """The parameters whose best value lies at the edge of what was tried, if the scores depend on it there."""
    fair = _Fair.to(table, best)
    return [
        Advice("edge", text, (key,), (best,)) for key in table.varying() if (text := _edge(table, key, best, fair))
    ]


class _Fair(NamedTuple):
    """Who may be compared with the best candidate, and who cannot be told from it by the splits they share."""

    rivals: Mask
    as_good: Mask

    @classmethod
    def to(cls, table: SearchTable, best: int) -> _Fair:
        with np.errstate(all="ignore"):
            gaps = table.scores()[best] - table.scores()
        # With one split no noise is known, and only equal scores are as good.
        noise = np.nan_to_num(error_of(gaps))
        rivals = table.last_rung() & np.isfinite(table.fair())
        return cls(rivals, rivals & (mean_of(gaps) <= noise))


def _edge(table: SearchTable, key: str, best: int, fair: _Fair) -> str | None:
    column = table.column(key)
    if column.numbers is None or len(column.values) < 3 or column.codes[best] < 0:
        return None
    place = places(column.numbers, scale_of(table, key))
    sampled = is_sampled(table, key)
    mine, reach = place[column.codes[best]], _OUTER if sampled else 0.0
    largest = bool(mine > 0.5)
    if reach < mine < 1 - reach or _is_natural(column, table, key, largest):
        return None
    # Somebody away from the edge is as good, or nobody is there to compare with: the edge shows nothing. In halving
    # it does, for the others were there and have dropped out.
    distance = np.abs(place - (1.0 if largest else 0.0))[column.codes]
    away = (column.codes >= 0) & (distance >= _AWAY - 1e-9)
    alone = table.iteration is None and not (away & fair.rivals).any()
    if alone or (away & fair.as_good).any():
        return None
    extreme = column.codes[best] == (len(column.values) - 1 if largest else 0)
    where = f"the {'largest' if largest else 'smallest'} that was tried"
    if not extreme:
        where = f"almost {where} ({spoken(column.values[-1 if largest else 0])})"
    return (
        f"{key}: the best value, {spoken(column.values[column.codes[best]])}, is {where}; "
        f"try {'larger' if largest else 'smaller'} ones."
    )


def _is_natural(column: Column, table: SearchTable, key: str, largest: bool) -> bool:
    """Whether the range ends here because hardly any parameter goes on: at 0, at 1 for parts, at one of a kind."""
    low, high = column.values[0], column.values[-1]
    if largest:
        return bool(low >= 0 and high == 1)
    whole = all(type(value) is int for value in column.values)
    return bool(low == 0 or (low == 1 and whole and scale_of(table, key) != "log"))


def _without_effect(table: SearchTable) -> list[Advice]:
    """The parameters that change the score nowhere by more than the noise between the splits."""
    means, noise = table.fair(), table.standard_error()
    found = []
    for key, slices in slices_of(table, means).items():
        # A few chance neighbours in a random search say nothing about the parameter.
        if slices.coverage < 0.5:
            continue
        ordered = means[slices.order]
        effects = np.maximum.reduceat(ordered, slices.starts) - np.minimum.reduceat(ordered, slices.starts)
        sizes = np.diff(np.append(slices.starts, len(ordered)))
        noises = np.add.reduceat(noise[slices.order], slices.starts) / sizes
        # With one split the noise is NaN, and the answer no.
        if (effects <= noises).all():
            found.append(_no_effect(key, effects, noises))
    return found


def _no_effect(key: str, effects: Array, noises: Array) -> Advice:
    if effects.max() == 0:
        return Advice("no_effect", f"{key} made no difference: all its values gave the same scores.", (key,), ())
    widest = int(np.argmax(effects))
    text = (
        f"{key} made no difference: with all else equal, its values change the score by at most "
        f"{effects[widest]:.2g}, which is within the noise between the splits ({noises[widest]:.2g})."
    )
    return Advice("no_effect", text, (key,), ())


def _faster(table: SearchTable, best: int) -> list[Advice]:
    """The fastest of those within one standard error of the best, if it saves what is worth a word."""
    means, spent, noise = table.mean(), table.seconds(), table.standard_error()[best]
    with np.errstate(all="ignore"):
        near = table.last_rung() & (table.fair() >= means[best] - noise)
        fast = (spent * _FASTER <= spent[best]) & (spent[best] - spent > _WORTH_SECONDS)
    rows = np.flatnonzero(near & fast)
    if not len(rows):
        return []
    other = int(rows[np.argmin(spent[rows])])
    text = (
        f"{shorten(table.names[other], 90)} is as good within one standard error and faster: it scores "
        f"{spoken_score(means[other])} in {seconds(spent[other])} per split; the best, "
        f"{shorten(table.names[best], 90)}, scores {spoken_score(means[best])} ± {noise:.2g} in "
        f"{seconds(spent[best])}."
    )
    return [Advice("faster", text, (), (other, best))]


def _overfit(table: SearchTable, best: int) -> list[Advice]:
    """Whether the best candidate does much better on what it was trained on."""
    if table.metric not in table.train:
        return []
    train, test = table.train[table.metric][best : best + 1], table.scores()[best : best + 1]
    with np.errstate(all="ignore"):
        gap, noise = float(mean_of(train - test)[0]), float(error_of(train - test)[0])
    mean, known = float(mean_of(test)[0]), np.concatenate([train, test], axis=1)
    known = known[~np.isnan(known)]
    bounded = bool(((known >= 0) & (known <= 1)).all())
    worth = _GAP if bounded else _GAP_PART * abs(mean)
    if not (np.isfinite(gap) and gap > 3 * noise and gap > worth):
        return []
    text = (
        f"The best candidate may overfit: it scores {spoken_score(float(mean_of(train)[0]))} on what it was trained "
        f"on, and {spoken_score(mean)} on what it was not."
    )
    return [Advice("overfit", text, (), (best,))]
