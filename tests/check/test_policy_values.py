"""Values in a policy: shares, thresholds, globs and names, read and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from policy_files import write

from labelaudit.check.policy import matches_glob
from labelaudit.check.policy_file import read_policy
from labelaudit.check.settings import (
    parse_class_shares,
    parse_flag,
    parse_share,
    resolve_settings,
)
from labelaudit.errors import LabelAuditError, OptionError
from labelaudit.scanning.settings import names_of, parse_count, parse_names


@pytest.mark.parametrize(
    ("value", "share"), [("2%", 0.02), (".5", 0.5), ("100 %", 1.0), (0, 0.0), (1e-5, 1e-5), ("0%", 0)]
)
def test_shares(value: Any, share: float) -> None:
    assert parse_share(value) == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize(
    "value", ["2", 1, "1", 1.0, "1.0", "101%", "-1%", "", "%", "nan", float("nan"), float("inf"), True, None]
)
def test_no_shares(value: Any) -> None:
    with pytest.raises(OptionError):
        parse_share(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_not_taken_for_a_percentage(value: float) -> None:
    with pytest.raises(OptionError, match=rf"^'{value}' is not a share: write a percentage such as 2% or a fraction"):
        parse_share(value)


@pytest.mark.parametrize("value", [".95", "95%", "100%", 0.99, 0.9500000001])
def test_a_threshold_that_no_suspect_can_pass_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^`threshold`: .* leaves no room .* so write less than 0\.95$"):
        resolve_settings({"threshold": value}, {}, {})
    assert resolve_settings({"threshold": ".94"}, {}, {}).values["threshold"] == 0.94


def test_other_values() -> None:
    assert parse_class_shares("cat=1%, dog = 2%") == {"cat": 0.01, "dog": 0.02}
    assert parse_names("a, b,a") == parse_names(["a", "b"]) == ("a", "b")
    assert [parse_flag(word) for word in (True, "yes", "0", "False")] == [True, True, False, False]
    assert parse_count("12") == 12
    for parse, wrong in (
        (parse_class_shares, ["5%"]),
        (parse_class_shares, "a=1%,a=2%"),
        (parse_names, ","),
        (parse_count, "٣"),
        (parse_flag, 1),
    ):
        with pytest.raises(LabelAuditError):
            parse(wrong)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("train/**", "train/cat/1.png", True),
        ("train/**", "test/train/1.png", False),
        ("train/", "train/cat/1.png", True),
        ("./train/*.png", "train/1.png", True),
        ("train/*.png", "train/cat/1.png", False),
        ("train/**/1.png", "train/1.png", True),
        ("**/cat/*", "a/b/cat/1.png", True),
        ("**/cat/*", "cat/1.png", True),
        ("*.jpg", "a/b/1.jpg", True),
        ("*.jpg", "a/b/1.jpeg", False),
        ("img?.png", "x/img1.png", True),
        ("img?.png", "x/img/.png", False),
        ("a[1].png", "a[1].png", True),
        ("a[1].png", "a1.png", False),
        ("**", "anything/at all\n.png", True),
    ],
)
def test_globs(pattern: str, path: str, matches: bool) -> None:
    assert matches_glob(path, pattern) is matches


def test_names_in_a_policy_are_those_that_can_be_trained() -> None:
    from labelaudit.methods import method_names
    from labelaudit.regularizers import regularizer_names

    for what, known in (("method", method_names()), ("regularizer", regularizer_names())):
        assert names_of(what)(list(known)) == known
        with pytest.raises(OptionError, match="known: " + ", ".join(known)):
            names_of(what)("_interface")


def test_weights_are_a_file_beside_the_policy_or_the_published_ones(tmp_path: Path) -> None:
    place = write(tmp_path, "[scan]\ninit = 'pretrained'")
    assert read_policy(place) == {"init": "pretrained"}
    assert resolve_settings({}, {"LABELAUDIT_INIT": "w.pth"}, {}).scan_options() == {"init": Path("w.pth")}
    assert resolve_settings({}, {"LABELAUDIT_REGULARIZER": "mixup,jacobian"}, {}).scan_options() == {
        "regularizers": ("mixup", "jacobian")
    }


@pytest.mark.parametrize("cache", ["..", "../other", "/tmp", ".", "inside/../..", "link"])
def test_a_policy_names_no_cache_outside_its_repository(tmp_path: Path, cache: str) -> None:
    (tmp_path / "repository" / "sub").mkdir(parents=True)
    (tmp_path / "repository" / "link").symlink_to(tmp_path)
    place = write(tmp_path / "repository", f'[scan]\ncache = "{cache}"\n', "labelaudit.toml")
    with pytest.raises(OptionError, match="is not inside the repository"):
        read_policy(place)


def test_a_policy_may_name_a_cache_anywhere_in_its_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    place = write(tmp_path / "sub", '[scan]\ncache = "../.cache"\n', "labelaudit.toml")
    assert read_policy(place)["cache"].resolve() == tmp_path / ".cache"
