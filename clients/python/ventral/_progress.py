"""A progress bar where tqdm is there and somebody sees it."""
from __future__ import annotations

import sys
from typing import Any, Iterable


class Bar:
    """Shows the share of work that is done; nothing without tqdm, or where nobody looks."""

    def __init__(self, name: str, shown: bool | None):
        self._bar: Any = None
        if shown is False or (shown is None and not _seen()):
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        self._bar = tqdm(total=1.0, desc=name, bar_format=layout, leave=False)

    def at(self, share: float, stage: str = "") -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(stage, refresh=False)
            self._bar.update(max(0.0, share - self._bar.n))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: Iterable[Any]) -> None:
        self.close()


def _seen() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
