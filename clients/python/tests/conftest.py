"""One service for all tests, from the built package of this checkout."""
from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# CI has it installed.
if "VENTRAL_INSTALLED" not in os.environ:
    sys.path.insert(0, str(ROOT / "clients" / "python"))
MAIN = ROOT / "dist" / "program" / "cli" / "main.js"
os.environ["VENTRAL_COMMAND"] = f"node {shlex.quote(str(MAIN))}"
for name in ("VENTRAL_SERVICE", "VENTRAL_KEY", "VENTRAL_KEY_FILE"):
    os.environ.pop(name, None)

import ventral  # noqa: E402

V1 = "Simulatedpublic.V1-pls"


@pytest.fixture(scope="session")
def home():
    with tempfile.TemporaryDirectory(prefix="ventral-python-") as folder:
        os.environ["VENTRAL_HOME"] = folder
        yield folder


@pytest.fixture(scope="session")
def service(home):
    with ventral.serve(home, "--no-score-shipped") as running:
        yield running
