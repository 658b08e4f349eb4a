"""Command line options that the scripts share."""

import argparse
import pathlib

from .places import RESULTS


def one_of(known):
    """A list with commas, of names that there are; comes back in the order in which these are known."""

    def parse(text):
        given = text.split(",")
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}, only {', '.join(known)}")
        return [name for name in known if name in given]

    return parse


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def common(description, name):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--workers", type=positive, default=2, help="threads of the Rust servers (2)")
    parser.add_argument("--jobs", type=positive, help="cargo's -j while building")
    parser.add_argument("--no-build", action="store_true", help="everything is built already")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument(
        "--json", type=pathlib.Path, default=RESULTS / f"{name}.json",
        help="where the figures go; the tables in Markdown, the servers' standard error and the pictures go beside it",
    )
    return parser


def measured(parser):
    parser.add_argument("--runs", type=positive, default=3, help="runs, of which medians are taken (3)")
    parser.add_argument("--cpu", type=float, default=1.5, help="s of server CPU to measure over (1.5)")
    parser.add_argument("--seconds", type=float, default=10, help="s to measure what goes at a rate (10)")
    return parser
