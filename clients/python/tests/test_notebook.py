"""The notebook runs against the real service, shows what it shows, and its scores are those of the command line."""
from __future__ import annotations

import pytest

import notebook
import ventral
from conftest import ROOT

pytest.importorskip("torch")
TOUR = ROOT / "clients" / "python" / "tour.ipynb"


def test_the_tour(service, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, shown = notebook.run(TOUR)
    assert shown == notebook.kept(TOUR)
    local = ventral.Local(home)
    score, benchmark = names["score"], names["benchmark"]
    theirs = local.score("gabor-v1", benchmark, layers={"V1": "v1"})
    assert (score.value, score.error, score.ci) == (theirs.value, theirs.error, theirs.ci)
    for layer, (ours,) in names["scores"].items():
        theirs = local.score("features.npz", benchmark, layers=layer)
        assert (ours.value, ours.raw, ours.error, ours.ci) == (theirs.value, theirs.raw, theirs.error, theirs.ci)
