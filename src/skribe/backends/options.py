"""The options of our own backends, checked where the user wrote them."""

from __future__ import annotations

from skribe.errors import ArgumentError


def check_switches(backend: str, **switches: object) -> None:
    """Each must be True or False: a text such as "no" would mean yes. ArgumentError names backend and option."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise ArgumentError(f"the backend {backend!r}: the option {name} is True or False, not {value!r}.")
