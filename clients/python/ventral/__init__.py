"""ventral: scores vision networks against the primate ventral stream, by a running service or the command line."""
from __future__ import annotations

from . import errors, types
from ._problem import ConnectionLost, Problem, VentralError
from .connect import connect, serve
from .features import features, imagenet_card
from .jobs import Job, JobFailed
from .local import CommandFailed, Local
from .scores import Score
from .service import Activations, Service

__version__ = "0.1.0"
__all__ = [
    "Activations",
    "CommandFailed",
    "ConnectionLost",
    "Job",
    "JobFailed",
    "Local",
    "Problem",
    "Score",
    "Service",
    "VentralError",
    "connect",
    "errors",
    "features",
    "imagenet_card",
    "serve",
    "types",
]
