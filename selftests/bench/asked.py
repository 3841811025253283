# SPDX-License-Identifier: GPL-2.0
"""A figure beside what is asked of it."""


def say(what, value, unit, wanted, met):
    print(f"{what:44} {value:8.2f} {unit:3} asked: {wanted:10} {'met' if met else 'NOT MET'}")


def at_most(what, value, unit, limit):
    say(what, value, unit, f"<= {limit}", value <= limit)


def at_least(what, value, unit, limit):
    say(what, value, unit, f">= {limit}", value >= limit)
