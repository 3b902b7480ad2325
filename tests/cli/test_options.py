"""What ``npbp train`` can be told: its table, its defaults, what it refuses, and its JSON."""
from __future__ import annotations

import json

import pytest

from npbp.cli import main
from npbp.cli.options import (
    GROUPS,
    OPTIONS,
    Contradiction,
    from_json,
    refuse_another,
    settled,
    to_json,
)


def as_json(**changes):
    return json.dumps({**vars(settled({})), **changes})


def test_without_options_all_is_as_in_the_walk_through():
    assert vars(settled({})) == {
        "data": "mnist-sample", "batch_size": 64, "validation": None, "hidden": [32],
        "activation": "relu", "norm": "none", "dropout": 0.0, "initializer": "xavier-uniform",
        "epochs": 10, "optimizer": "sgd", "alpha": 0.001, "schedule": "constant", "warm_up": 0.0,
        "weight_decay": 0.0, "clip_norm": None, "label_smoothing": 0.0, "early_stopping": None,
        "seed": 0, "metrics": []}


@pytest.mark.parametrize("given, name, value", [
    ({"optimizer": "adam"}, "alpha", 0.001), ({"optimizer": "momentum"}, "alpha", 0.01),
    ({"optimizer": "nesterov"}, "alpha", 0.01), ({"optimizer": "adagrad"}, "alpha", 0.01),
    ({"optimizer": "momentum", "alpha": 0.5}, "alpha", 0.5),
    ({"optimizer": "adamw"}, "weight_decay", 0.01), ({"optimizer": "adam"}, "weight_decay", 0.0),
    ({"optimizer": "adamw", "weight_decay": 0.0}, "weight_decay", 0.0),
    ({"early_stopping": 3}, "validation", 0.1),
    ({"early_stopping": 3, "validation": 0.5}, "validation", 0.5)])
def test_a_default_may_hang_on_another_option(given, name, value):
    assert getattr(settled(given), name) == value


def test_the_lists_of_two_settled_options_are_not_the_same_list():
    settled({}).hidden.append(1)
    assert settled({}).hidden == [32]


@pytest.mark.parametrize("arguments, words", [
    (["--warm-up", "11"], ["--warm-up 11 is longer", "--epochs 10"]),
    (["--warm-up", "1.5", "--epochs", "1"], ["--warm-up 1.5", "--epochs 1"]),
    (["--norm", "batch", "--batch-size", "1"], ["--norm batch", "--batch-size 1"]),
    (["--hidden", *["1"] * 1001], ["--hidden has 1001 sizes, wanted 1000 at most"]),
    (["--metrics", "top-3", "confusion", "top-3"], ["--metrics has top-3 twice"])])
def test_options_that_contradict_one_another_are_one_line_and_exit_2(
        arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1 and error.startswith("npbp train: ")
    assert error.endswith("(see npbp train --help)\n")
    for word in words:
        assert word in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments, words", [
    (["--activation", "swish"], ["--activation", "'swish'", "relu", "hard-sigmoid"]),
    (["--norm", "group"], ["--norm", "'group'", "none, batch, layer, rms"]),
    (["--initializer", "zeros"], ["--initializer", "'zeros'", "xavier-uniform", "he-normal"]),
    (["--optimizer", "lion"], ["--optimizer", "'lion'", "sgd", "adamw"]),
    (["--schedule", "linear"], ["--schedule", "constant, cosine, step, exponential"]),
    (["--dropout", "1"], ["--dropout", "'1'", "of 0 to below 1"]),
    (["--dropout", "-0.1"], ["--dropout", "'-0.1'"]),
    (["--dropout", "nan"], ["--dropout", "'nan'"]),
    (["--label-smoothing", "1"], ["--label-smoothing", "below 1"]),
    (["--validation", "0"], ["--validation", "between 0 and 1"]),
    (["--validation", "1"], ["--validation", "between 0 and 1"]),
    (["--warm-up", "-1"], ["--warm-up", "of at least 0"]),
    (["--warm-up", "inf"], ["--warm-up", "'inf'"]),
    (["--weight-decay=-1e-4"], ["--weight-decay", "of at least 0"]),
    (["--clip-norm", "0"], ["--clip-norm", "above 0"]),
    (["--early-stopping", "0"], ["--early-stopping", "whole number of at least 1"]),
    (["--metrics"], ["--metrics", "at least one"]),
    (["--metrics", "top-1"], ["--metrics", "'top-1'", "top-2 to top-9, or confusion"]),
    (["--metrics", "top-10"], ["--metrics", "'top-10'"]),
    (["--metrics", "accuracy"], ["--metrics", "'accuracy'"]),
    (["--resume"], ["--resume"])])
def test_a_bad_value_is_one_line_that_says_what_is_wanted(arguments, words, capsys, tmp_path,
                                                          monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    for word in words:
        assert word in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share, words", [("1e-09", "leaves none to measure on"),
                                          ("0.99999", "leaves none to train on")])
def test_a_share_that_leaves_no_image_is_one_line(share, words, capsys, tmp_path):
    assert main(["train", "--validation", share, "--out", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"npbp train: --validation {share} of 6000 images ") and error.count("\n") == 1
    assert words in error and not (tmp_path / "runs").exists()


# ---- help

@pytest.fixture
def help_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["train", "--help"]) == 0
    return capsys.readouterr().out


def test_the_help_has_four_groups_in_the_order_of_a_course(help_text):
    titles = [line[:-1] for line in help_text.splitlines()
              if line.endswith(":") and line[:-1] in ("data", "network", "training", "output")]
    assert titles == ["data", "network", "training", "output"]


@pytest.mark.parametrize("group", GROUPS)
def test_each_option_stands_in_its_group_with_its_default(group, help_text):
    part = help_text.split(f"\n{group}:\n")[1].split("\n\n")[0]
    text = " ".join(part.split())
    for option in GROUPS[group]:
        after = text.split(f"{option.flag} ")[1].split(" --")[0]
        assert "default: " in after, option.flag
        if option.default not in (None, []):
            assert f"default: {shown_default(option)}" in after


def shown_default(option):
    value = option.default[0] if option.many else option.default
    return str(value).removesuffix(".0")


def test_no_option_is_broken_at_its_hyphen(help_text):
    assert [line for line in help_text.splitlines() if line.endswith("-")] == []


def test_the_help_names_every_choice(help_text):
    text = "".join(help_text.split())
    for names in ("relu, leaky-relu, prelu, elu, selu, gelu, silu, sigmoid, tanh, softplus, softsign, "
                  "hard-sigmoid", "none, batch, layer, rms", "sgd, momentum, nesterov, adagrad, rmsprop, "
                  "adam, adamw", "xavier-uniform, xavier-normal, he-uniform, he-normal"):
        assert "".join(names.split()) in text


# ---- options.json

def test_json_gives_the_options_back():
    for given in ({}, {"hidden": [256, 128], "optimizer": "adamw", "dropout": 0.2, "clip_norm": 1.0,
                       "early_stopping": 5, "metrics": ["top-3", "confusion"], "seed": 2**70}):
        assert from_json(to_json(settled(given))) == settled(given)
        assert from_json(to_json(settled(given)).encode()) == settled(given)


@pytest.mark.parametrize("text, words", [
    ("", "no JSON"), ("{", "no JSON"), ("nonsense", "no JSON"), (b"\xff\xfe{}", "no JSON"),
    ("[" * 60000, "no JSON"), ("[]", "no JSON object"), ("null", "no JSON object"), ("3", "no JSON object"),
    ("{}", "it has no 'activation'"), (as_json(shell="rm"), "unknown option 'shell'"),
    (as_json(**{"x" * 5000: 1}), "unknown option 'xxx"),
    (as_json(out="/etc"), "unknown option 'out'"), (as_json(resume="."), "unknown option 'resume'"),
    (as_json(hidden=[]), "'hidden'"), (as_json(hidden=32), "wanted a list"),
    (as_json(hidden=[0]), "'hidden': got '0', wanted a whole number of 1 to 1000000"),
    (as_json(hidden=[10**7]), "'hidden'"), (as_json(hidden=[32.0]), "'hidden'"),
    (as_json(hidden=[True]), "'hidden'"), (as_json(hidden=["32"]), "'hidden'"),
    (as_json(hidden=[[32]]), "'hidden'"), (as_json(hidden=None), "'hidden'"),
    (as_json(epochs=-1), "'epochs'"), (as_json(epochs=1e3), "'epochs'"), (as_json(epochs=None), "'epochs'"),
    (as_json(epochs={}), "'epochs'"), (as_json(alpha=0.0), "'alpha'"), (as_json(alpha=1), "'alpha'"),
    (as_json(alpha=float("nan")), "'alpha'"), (as_json(alpha=float("inf")), "'alpha'"),
    (as_json(alpha="0.1"), "'alpha'"), (as_json(alpha=None), "'alpha'"),
    (as_json(data="../../etc"), "'data'"), (as_json(data=None), "'data'"),
    (as_json(activation="Linear"), "'activation'"), (as_json(activation=["relu"]), "'activation'"),
    (as_json(optimizer="\x1b[2J"), "'optimizer'"), (as_json(dropout=1.0), "'dropout'"),
    (as_json(metrics="top-3"), "'metrics'"), (as_json(metrics=["top-99"]), "'metrics'"),
    (as_json(hidden=[1] * 20000), "--hidden has 20000 sizes"),
    (as_json(metrics=["top-3"] * 8000), "--metrics has top-3 twice"),
    (as_json(metrics=["top-3", "top-3"]), "--metrics has top-3 twice"),
    (as_json(warm_up=20.0), "--warm-up 20 is longer"), (as_json(early_stopping=3), "'validation'"),
    (as_json(seed=-1), "'seed'")])
def test_json_that_tells_of_no_options_is_refused(text, words):
    with pytest.raises(ValueError) as error:
        from_json(text)
    assert words in str(error.value) and len(str(error.value)) < 300


# ---- a run that is resumed

def test_options_that_a_run_has_are_no_contradiction_to_it():
    run = settled({"epochs": 20, "hidden": [64, 32], "optimizer": "adam"})
    refuse_another({}, run)
    refuse_another({"epochs": 20, "hidden": [64, 32], "alpha": 0.001, "seed": 0}, run)


@pytest.mark.parametrize("given, line", [
    ({"epochs": 20}, "--epochs 20 contradicts the run, which has 10"),
    ({"hidden": [64, 32]}, "--hidden 64 32 contradicts the run, which has 32"),
    ({"validation": 0.1}, "--validation 0.1 contradicts the run, which has none"),
    ({"metrics": ["top-3"]}, "--metrics top-3 contradicts the run, which has none"),
    ({"alpha": 0.0010000000000000002},
     "--alpha 0.0010000000000000002 contradicts the run, which has 0.001"),
    ({"weight_decay": 1.0}, "--weight-decay 1 contradicts the run, which has 0")])
def test_options_that_a_run_has_not_contradict_it(given, line):
    with pytest.raises(Contradiction) as error:
        refuse_another(given, settled({}))
    assert str(error.value) == line


def test_every_option_has_a_flag_of_its_own():
    assert len({option.flag for option in OPTIONS.values()}) == len(OPTIONS) == 19
