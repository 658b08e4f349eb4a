"""Where a comparison's tables and figures go."""

import json

from .places import say


def publish(given, head, tables, failures, document):
    """Prints the tables and writes them as Markdown and the figures as JSON; returns the script's exit status.

    `tables` makes them, as Markdown or as text."""
    failed = [f"FAILED {failure}" for failure in failures]
    markdown = "\n\n".join([head, tables(True), *failed])
    given.json.with_suffix(".md").write_text(markdown + "\n")
    print(markdown if given.markdown else "\n\n".join([head, tables(False), *failed]), flush=True)
    given.json.write_text(json.dumps({**document, "failures": failures}, indent=2) + "\n")
    say(f"figures, Markdown and pictures in {given.json.with_suffix('')}*")
    return 1 if failures else 0
