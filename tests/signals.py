"""Ctrl-C in the tests: what an interrupted call came to, and calls that are hit on purpose."""

from __future__ import annotations

import inspect
import os
import sys

import pytest

import imgnmf

PACKAGE = os.path.dirname(imgnmf.__file__) + os.sep
SPARED = {PACKAGE + os.path.join(*place) for place in (("core", "interrupts.py"), ("cli", "shell.py"))}


def best_of(function, *given, **named):
    """Call what Ctrl-C must end with `Interrupted`, and return its best."""
    with pytest.raises(imgnmf.Interrupted) as caught:
        function(*given, **named)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert not isinstance(caught.value, Exception)
    return caught.value.best


class Struck:
    """A function that Ctrl-C meets in its n-th call."""

    def __init__(self, function, number):
        self.function, self.left = function, number

    def __call__(self, *given, **named):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return self.function(*given, **named)


class Calls:
    """Within it, count the calls of Python functions of imgnmf in this thread; Ctrl-C comes at the `strike`-th.

    No clock and no signal: the same program is hit at the same place each time.
    """

    def __init__(self, strike=None):
        self.strike, self.done = strike, 0

    def __enter__(self):
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _seen(self, frame, event, _argument):
        # The mechanism itself is not hit before it has begun.
        if event != "call" or not frame.f_code.co_filename.startswith(PACKAGE) or frame.f_code.co_filename in SPARED:
            return
        # A generator is also called to be closed when it is freed, where Python drops every exception.
        if frame.f_code.co_flags & inspect.CO_GENERATOR:
            return
        self.done += 1
        if self.done == self.strike:
            raise KeyboardInterrupt
