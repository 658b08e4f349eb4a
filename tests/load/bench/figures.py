"""Figures of many runs, their medians, and tables of them."""

import statistics


class Figures:
    """What was measured: for each peer and scenario the figures of each run."""

    def __init__(self, results=None):
        self.results = results or {}

    def add(self, peer, scenario, figures):
        if "rss_peak_kib" in figures and "rss_before_kib" in figures:
            figures["rss_peak_mib"] = figures["rss_peak_kib"] / 1024
            figures["rss_growth_mib"] = (figures["rss_peak_kib"] - figures["rss_before_kib"]) / 1024
        self.results.setdefault(peer, {}).setdefault(scenario, []).append(figures)

    def values(self, peer, scenario, key):
        """The figure in each run; a run without one (of something that did not happen) is left out."""
        runs = self.results.get(peer, {}).get(scenario, [])
        return [figures[key] for figures in runs if figures.get(key) is not None]

    def median(self, peer, scenario, key):
        values = self.values(peer, scenario, key)
        return statistics.median(values) if values else None

    def ratio(self, peer, other, scenario, key):
        own, theirs = self.median(peer, scenario, key), self.median(other, scenario, key)
        return own / theirs if own is not None and theirs else None

    def cell(self, peer, scenario, key, decimals, factor=1):
        """Median, and from lowest to highest when there are several runs."""
        values = [value * factor for value in self.values(peer, scenario, key)]
        if not values:
            return "-"
        text = f"{statistics.median(values):,.{decimals}f}"
        if len(values) > 1:
            text += f" ({min(values):,.{decimals}f}-{max(values):,.{decimals}f})"
        return text


def table(head, rows, markdown):
    """Text with columns, or a Markdown table. The first column is text, the others are figures."""
    if markdown:
        lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in [head, *rows]
    )
