"""Which examples hypothesis gives the property tests: the same ones every time, or new ones.

Never with a deadline: a loaded machine is no defect.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# Hypothesis takes the constants of those modules of the project that are loaded for examples. Which are, depends on the
# tests that a process has run before; and which constants there are, on the change. There is no setting for it.
_CONSTANTS: str = "_get_local_constants"
_constants_of_modules = getattr(providers, _CONSTANTS)

settings.register_profile(
    "same", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# Whether an example is hard to find, and thereby unhealthy, depends on the seed: only failed assertions shall fail.
settings.register_profile(
    "new", deadline=None, derandomize=False, print_blob=True, suppress_health_check=list(HealthCheck)
)


def draw_the_same_examples() -> None:
    """On every machine and in every process, so that a red run is about the change."""
    settings.load_profile("same")
    setattr(providers, _CONSTANTS, Constants)


def draw_new_examples() -> None:
    """Others each time, constants of the project among them."""
    settings.load_profile("new")
    setattr(providers, _CONSTANTS, _constants_of_modules)
