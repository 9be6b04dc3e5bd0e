"""Pool, readings of the rate, and the answer that they make together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from test_noise_model import planted

from labelaudit.judge import learning_curve, transition
from labelaudit.judge.consensus import _weigh_view, agree, log_odds_of_wrong, set_suspicion, settle_suspicion
from labelaudit.judge.learning_curve import Curve, measure
from labelaudit.judge.linear import softmax
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.noise_model import UNKNOWN
from labelaudit.judge.pool import measure_gain, pool
from labelaudit.judge.reading import ALIKE, BORNE_OUT, HIDDEN, PLAIN, THRICE, read_rate
from labelaudit.judge.refutation import is_refuted
from labelaudit.judge.scores import odds_of_wrong
from labelaudit.judge.standing_out import share_standing_out


def cloud(n: int, noise: float, spread: float, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Unit vectors of four classes, and labels of which the share ``noise`` is drawn anew among the wrong ones."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 4, n)
    x = rng.normal(size=(4, 12))[true] + spread * rng.normal(size=(n, 12))
    given = np.where(rng.random(n) < noise, (true + rng.integers(1, 4, n)) % 4, true)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), given


def test_a_model_that_knows_nothing_gets_no_say_and_the_better_one_more() -> None:
    good, given, _ = planted(0, 0.1, skill=4.0)
    blind = np.full_like(good, 0.25)
    found = pool({"good": good, "blind": blind}, given)
    assert found.probs.argmax(axis=1) == pytest.approx(good.argmax(axis=1))
    worse = softmax(np.log(good) + 2 * np.random.default_rng(0).normal(size=good.shape))
    weights = pool({"good": good, "worse": worse}, given).weights
    assert weights["good"] > 1.3 * weights["worse"]


def test_equal_models_share_the_weight() -> None:
    good, given, _ = planted(0, 0.1, skill=4.0)
    twice = pool({"a": good, "b": good}, given)
    assert twice.weights["a"] == pytest.approx(twice.weights["b"], rel=1e-3)


def test_more_models_are_heard_where_they_predict_labels_that_nobody_fitted() -> None:
    good, given, _ = planted(0, 0.1, skill=4.0)
    rng = np.random.default_rng(0)
    folds = np.arange(len(given)) % 5
    dull = softmax(np.log(good) + 3 * rng.normal(size=good.shape))
    assert measure_gain({"dull": dull}, {"good": good}, given, folds).earned
    nothing_new = softmax(np.log(good) + rng.normal(size=good.shape))
    assert not measure_gain({"good": good}, {"nothing_new": nothing_new}, given, folds).earned
    assert measure_gain({"good": good}, {"dull": dull}, given, np.zeros_like(folds)).nats == 0


def test_labels_refute_errors_where_models_can_hardly_see_the_classes_but_not_even_ones() -> None:
    rng = np.random.default_rng(0)
    given, alone = rng.integers(0, 12, 300), np.arange(300)
    unsure = {str(seed): softmax(1.2 * np.eye(12)[given] + rng.normal(size=(300, 12))) for seed in range(2)}
    assert is_refuted(unsure, given, groups=alone)
    wrong = np.where(rng.random(300) < 0.55, rng.integers(0, 12, 300), given)
    clear = {name: softmax(4 * np.log(probs) + 4 * np.eye(12)[given]) for name, probs in unsure.items()}
    assert not is_refuted(clear, wrong, groups=alone)


def test_one_factor_on_all_odds_moves_the_mean_and_no_rank() -> None:
    probs, given, _ = planted(1, 0.2, skill=2.0)
    rows = np.arange(len(given))
    before = odds_of_wrong(probs, given)
    for rate in (0.001, 0.01, 0.2):
        factor = transition.find_factor(before, rate)
        after = factor * before / (1 + factor * before)
        assert after.mean() == pytest.approx(rate, rel=0.02)
        assert np.array_equal(after.argsort(kind="stable")[-50:], before.argsort(kind="stable")[-50:])
        joint = probs * transition.even_by_odds(factor, 4).T[given]
        assert after == pytest.approx(1 - joint[rows, given] / joint.sum(axis=1), abs=1e-6)


def test_the_learning_curve_reads_noise_and_no_doubt() -> None:
    clean = measure(*cloud(1600, 0.0, 0.6), 4)
    noisy = measure(*cloud(1600, 0.2, 0.6), 4)
    assert clean is not None
    assert noisy is not None
    assert clean.asymptote < 0.02
    assert noisy.asymptote == pytest.approx(0.2, abs=0.04)
    assert measure(*cloud(39, 0.2, 0.6), 4) is None


def test_right_labels_of_hard_images_stop_standing_out_and_wrong_ones_go_on() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 1600)
    means = rng.normal(size=(4, 200))
    x = 3 * (means / np.linalg.norm(means, axis=1, keepdims=True))[true] + rng.normal(size=(1600, 200))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    given = np.where(rng.random(1600) < 0.1, (true + rng.integers(1, 4, 1600)) % 4, true)
    clean, noisy = measure(x, true, 4), measure(x, given, 4)
    assert clean is not None
    assert noisy is not None
    assert clean.errors[0] > 0.1  # of the right labels, by models that have seen too few images
    assert clean.lasting == clean.lasting_clear == 0.0
    assert noisy.lasting_clear >= noisy.lasting > 0.8
    assert min(clean.told, noisy.told) > 0.8
    sizes = [measure(x[:n], given[:n], 4) for n in (160, 200, 240, 400)]
    told = [0.0 if curve is None else curve.told for curve in sizes]
    assert told == sorted(told), "more images tell more, and no size turns it over"
    assert told[0] < 0.7 < 0.9 < told[-1]
    plain = measure(*cloud(1600, 0.2, 1.2), 4)
    assert plain is not None
    assert plain.told < 0.1, "so few components have nothing left to learn"


def test_the_reading_counts_by_what_lasts() -> None:
    probs, given, truth = planted(0, 0.1, skill=4.0)
    suspicion = np.where(given != truth, 0.5, 0.2)
    curve = Curve(errors=(0.5, 0.45, 0.42, 0.4), asymptote=0.2, told=1.0)
    doubted = read_rate(suspicion, probs, given, None).rate

    def read(hard: float, clear: float, **changes: float) -> float:
        changed = replace(curve, lasting=hard, lasting_clear=clear, **changes)
        return read_rate(suspicion, probs, given, changed).rate

    plain = HIDDEN * share_standing_out(probs, given, PLAIN)
    assert read(0.0, 0.0) == pytest.approx(plain)
    assert plain < read(0.5, 0.5) == pytest.approx(0.25 * THRICE * doubted)
    assert read(0.7, 0.8) == pytest.approx(doubted)
    assert read(0.7, 0.8, told=0.5) == pytest.approx(np.sqrt(0.2 * doubted)), "half known is half-way, in proportion"
    assert read(0.0, 0.5, asymptote=doubted) == pytest.approx(0.25 * THRICE * doubted), "features tell classes apart"
    between = 0.4 + 0.1 * 0.8**ALIKE
    assert read(0.4, 0.5, asymptote=doubted / 0.8) == pytest.approx(between**2 * THRICE * doubted), "they tell most"


def test_where_a_curve_does_not_tell_what_lasts_doubt_is_believed_up_to_what_no_model_would_agree_with() -> None:
    """Doubt that is the same everywhere; one label in twenty stands out plainly."""
    given = np.arange(1200) % 4
    right = np.where(np.arange(1200) % 20 == 7, 0.02, 0.6)
    probs = np.repeat((1 - right)[:, None] / 3, 4, axis=1)
    probs[np.arange(1200), given] = right
    doubt = np.full(1200, 0.4)

    def read(asymptote: float) -> float:
        return read_rate(doubt, probs, given, Curve(errors=(0.6, 0.6), asymptote=asymptote)).rate

    clear = probs.max(axis=1).mean()
    assert read(0.2) == pytest.approx(0.2)
    assert read(0.6) == pytest.approx(clear * 0.4), "as far as images speak for one class"
    assert read(0.0) == pytest.approx(HIDDEN * 0.05), "labels that stand out plainly are wrong whatever a curve says"
    assert read_rate(doubt, probs, given, None).rate == pytest.approx(0.8 / 1.4), "without a curve all of it, raised"
    unsuspected = read_rate(np.full(1200, 0.01), probs, given, Curve(errors=(0.6, 0.6), asymptote=0.6)).rate
    assert unsuspected < 0.05, "but never more than is doubted"


def test_labels_that_both_views_are_certain_of_are_wrong_whatever_a_curve_says() -> None:
    """Clear images, three of 300 with wrong labels, none of which looks worse than labels exchanged at random would."""
    given, wrong = np.arange(300) % 3, np.arange(300) < 3
    own = np.where(wrong, 0.005, 0.9999)
    probs = np.repeat((1 - own)[:, None] / 2, 3, axis=1)
    probs[np.arange(300), given] = own
    curve = Curve(errors=(0.1, 0.05, 0.02, 0.01), asymptote=0.0)
    assert share_standing_out(probs, given, PLAIN) == 0
    assert read_rate(np.where(wrong, 0.96, 0.0), probs, given, curve).rate == pytest.approx(0.01)
    assert read_rate(np.where(wrong, 0.9, 0.0), probs, given, curve).rate == 0, "not without the noise model"
    probs[:3] = (probs[:3] + 0.02) / 1.06
    assert read_rate(np.where(wrong, 0.96, 0.0), probs, given, curve).rate == 0, "nor without the pool"


def test_a_curve_of_few_samples_has_fewer_points_and_no_word_on_what_lasts() -> None:
    for n, points in ((79, 2), (159, 3)):
        curve = measure(*cloud(n, 0.0, 1.2), 4)
        assert curve is not None
        assert len(curve.errors) == points
        assert curve.told == 0


def test_parts_with_three_images_of_a_class_hide_no_wrong_labels() -> None:
    """Twenty classes of 24 images: models of an eighth err twice as often as those of all images, which err on a
    fifth."""
    rng, truth = np.random.default_rng(1), np.arange(480) % 20
    x = (rng.normal(size=(20, 64))[truth] + rng.normal(size=(480, 64))).astype(np.float32)
    wrong = np.isin(np.arange(480), rng.choice(480, 96, replace=False))
    for given, least, most in ((np.where(wrong, (truth + 1) % 20, truth), 0.05, 0.2), (truth, 0.0, 0.005)):
        curve = measure(x / np.linalg.norm(x, axis=1, keepdims=True), given, 20)
        assert curve is not None
        assert least <= curve.asymptote <= most


def test_parts_of_the_curve_hold_whole_groups() -> None:
    labels, codes = np.arange(60) % 3, np.arange(60) // 4
    part = learning_curve.deal(labels, codes, 4)
    assert all(len(set(part[codes == code].tolist())) == 1 for code in range(15))
    assert np.bincount(part).min() >= 12


def test_the_interval_runs_from_labels_that_stand_out_plainly_to_those_that_the_pool_contradicts() -> None:
    probs, given, truth = planted(0, 0.1, skill=4.0)
    curve = Curve(errors=(0.3, 0.2, 0.1, 0.06), asymptote=0.03)
    read = read_rate(np.where(given != truth, 0.5, 0.02), probs, given, curve)
    assert read.by_curve == 0.03
    assert 0.05 < read.low < share_standing_out(probs, given, PLAIN) < read.rate
    assert read.rate < (probs.argmax(axis=1) != given).mean() < read.high
    strange = read_rate(np.full(len(given), 0.2), probs, truth, curve, strangers=0.3)
    assert (strange.rate, strange.low) == (0.3, 0), "what none of the classes fits may be a hard image"
    none = read_rate(np.zeros(len(given)), probs, given, curve)
    assert (none.rate, none.low, none.high) == (0, 0, read.high)
    assert read_rate(np.ones(len(given)), probs, given, None).high == 1


def test_the_interval_holds_wrong_labels_that_every_model_agrees_with() -> None:
    given = np.arange(463) % 10
    read = read_rate(np.full(463, 0.01), np.eye(10)[given] * 0.8 + 0.02, given, None)
    assert read.low == 0
    assert 32 / 463 < read.high < 0.1, "as many of the reassessed photographs as this are wrong"


def test_no_more_labels_may_be_sure_than_the_pool_bears_out_or_are_strangers() -> None:
    probs, given, truth = planted(0, 0.1, skill=4.0)
    certain = np.where(given != truth, 1.0, 0.0)  # the noise model, whatever the pool says
    pooled = (probs[np.arange(len(given)), given] <= 1 - BORNE_OUT).mean()
    assert 0.01 < pooled == read_rate(certain, probs, given, None).sure
    assert read_rate(certain, probs, given, None, strangers=0.9).sure == 0.9
    unsure = (probs + 1) / 5
    assert share_standing_out(unsure, given, PLAIN) > 0.01
    assert read_rate(certain, unsure, given, None).sure == 0, "labels stand out, but the pool is sure of none"


def test_planted_errors_tell_who_stands_out() -> None:
    probs, given, truth = planted(0, 0.1, skill=4.0)
    few, some, all_of_them = (share_standing_out(probs, given, share) for share in (0.5, 0.1, 0.0))
    assert 0.03 < few < some < 0.15
    assert some < all_of_them
    assert share_standing_out(probs, truth, 0.5) <= share_standing_out(probs, truth, 0.3) < 0.02
    assert share_standing_out(np.eye(4)[(given + 1) % 4], given, 0.1) == 0


def test_where_one_view_is_certain_of_everything_the_other_ranks() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros(200, dtype=np.int64)
    right = rng.uniform(0.1, 0.9, 200)
    graded = np.stack([right, 1 - right], axis=1)
    certain = np.repeat([[1 - 1e-16, 1e-16]], 200, axis=0)
    odds = log_odds_of_wrong(certain, labels) + log_odds_of_wrong(graded, labels)
    assert np.array_equal(odds.argsort(), right.argsort()[::-1])


def test_the_answer_has_the_rate_as_its_mean_and_finds_what_was_planted() -> None:
    probs, given, truth = planted(3, 0.15, skill=3.0)
    known = np.full(len(given), UNKNOWN)
    noise = fit_noise_model({"m": probs}, given)
    found = agree({"m": probs}, noise, given, known=known)
    suspicion = 1 - found.answer.posterior[np.arange(len(given)), given]
    assert suspicion.mean() == pytest.approx(found.reading.rate, rel=0.1)
    assert suspicion[given != truth].mean() > 4 * suspicion[given == truth].mean()


def test_set_suspicion_keeps_the_others_in_proportion() -> None:
    posterior = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    found = set_suspicion(posterior, np.array([0, 0]), np.array([0.6, 0.2]))
    assert found == pytest.approx(np.array([[0.4, 0.4, 0.2], [0.8, 0.1, 0.1]]))


def test_a_table_whose_suspicion_is_settled_stays_as_it_was() -> None:
    posterior = np.array([[0.7, 0.2, 0.1]])
    settled = settle_suspicion(posterior, np.array([0]), np.array([0.6]))
    assert settled == pytest.approx(np.array([[0.4, 0.4, 0.2]]))
    assert posterior.tolist() == [[0.7, 0.2, 0.1]]


def test_in_groups_the_pool_answers_alone_and_its_weights_keep_together() -> None:
    good, given, _ = planted(0, 0.1, skill=4.0)
    rng = np.random.default_rng(0)
    models = {"good": good, "worse": softmax(np.log(good) + 2 * rng.normal(size=good.shape))}
    noise = fit_noise_model(models, given)
    known = np.full(len(given), UNKNOWN)
    n = len(given)
    rows, few = np.arange(n), np.maximum(np.arange(n), n // 100)
    before, alone, apart, together = (
        agree(models, noise, given, known=known, groups=groups).answer for groups in (None, rows, few, rows // 4)
    )
    assert alone.posterior.tobytes() == before.posterior.tobytes(), "groups of one are none"
    assert np.abs(apart.posterior - alone.posterior).mean() < 0.01, "a few copies change little"
    assert together.weights["worse"] > alone.weights["worse"]
    assert together.weights["good"] > together.weights["worse"]
    by_pool = log_odds_of_wrong(together.probs, given).argsort(kind="stable")
    assert np.all(np.diff(1 - together.posterior[rows, given][by_pool]) > -1e-6)


@pytest.mark.parametrize(
    ("rate", "pairs", "say"), [(0.2, 0.0, 0.4), (0.025, 0.0, 0.2), (0.2, 0.2, 1.5 * (600 / 616 - 1 / 3))]
)
def test_the_noise_model_has_more_say_where_errors_are_common_and_go_to_one_other_class(
    rate: float, pairs: float, say: float
) -> None:
    q, given, _ = planted(0, 0.1, skill=4.0)
    noise = fit_noise_model({"a": q}, given)
    classes = q.shape[1]
    matrix = (1 - pairs) * np.eye(classes) + pairs * np.roll(np.eye(classes), 1, axis=1)
    noise = replace(noise, transition=matrix if pairs else transition.even(0.1, classes))
    before = odds_of_wrong(q, given)
    before *= transition.find_factor(before, rate)
    wrong = before / (1 + before)
    noise = replace(noise, posterior=set_suspicion(np.random.default_rng(0).permutation(q), given, wrong))
    odds = log_odds_of_wrong(noise.posterior, given)
    found = agree({"a": q}, noise, given, known=np.full(len(given), UNKNOWN))
    pooled = np.log(found.pooled) - np.log1p(-found.pooled)
    answer = log_odds_of_wrong(found.answer.posterior, given)
    moved = answer - ((1 - say) * pooled + say * odds)
    assert np.ptp(moved[np.abs(answer) < 10]) < 0.05


def test_of_two_classes_errors_go_to_the_other_one_by_chance() -> None:
    says = [_weigh_view(transition.even(0.2, classes), np.full(classes, 1000.0), 0.2) for classes in (2, 3, 4)]
    assert says == [0.5, 0.5, 0.4]


def test_the_noise_model_has_less_say_in_proportion_where_labels_are_fewer_than_cells() -> None:
    says = []
    for n in (144, 288, 576, 600):
        q, given, _ = planted(0, 0.3, classes=24, n=n, skill=3.5)
        noise = fit_noise_model({"a": q}, given)
        mixed = np.random.default_rng(0).permutation(q)
        posterior = set_suspicion(mixed, given, 1 - mixed[np.arange(n), given])
        noise = replace(noise, posterior=posterior, transition=transition.even(0.3, 24))
        found = agree({"a": q}, noise, given, known=np.full(n, UNKNOWN))
        pooled = np.log(found.pooled) - np.log1p(-found.pooled)
        apart = log_odds_of_wrong(noise.posterior, given) - pooled
        moved = log_odds_of_wrong(found.answer.posterior, given) - pooled
        says.append(np.polyfit(apart, moved, 1)[0])
    assert says == pytest.approx([0.1, 0.2, 0.4, 0.4], abs=0.01)


def test_a_noise_model_that_is_used_up_gives_the_same_answer_in_its_own_memory() -> None:
    probs, given, _ = planted(0, 0.1)
    models, known = {"m": probs}, np.full(len(given), UNKNOWN)
    kept, spent = (fit_noise_model(models, given) for _ in range(2))
    found = agree(models, kept, given, known=known)
    again = agree(models, spent, given, known=known, used_up=True)
    assert np.array_equal(again.answer.posterior, found.answer.posterior)
    assert np.array_equal(again.answer.probs, found.answer.probs)
    assert np.shares_memory(again.answer.posterior, spent.posterior)
    assert not np.shares_memory(found.answer.posterior, kept.posterior)
