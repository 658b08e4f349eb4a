"""python3 -m unittest discover tests/load/bench -t tests/load"""

import argparse
import json
import sys
import tempfile
import unittest

from bench import cluster, options, peers, scenarios, targets
from bench.figures import Figures, table
from bench.schedule import measure_all
from bench.server import Server, Unavailable


def measured(**medians):
    """Figures with one run of `broadcast-2` for each peer."""
    figures = Figures()
    for peer, value in medians.items():
        figures.add(peers.NAMES[peer], "broadcast-2", {"us_per_delivery": value})
    return figures


class Tables(unittest.TestCase):
    def test_a_cell_has_the_median_and_the_range(self):
        figures = Figures()
        for value in (3, 1, 2):
            figures.add("node", "echo", {"p50_us": value * 1000})
        self.assertEqual(figures.cell("node", "echo", "p50_us", 1, 1e-3), "2.0 (1.0-3.0)")
        self.assertEqual(figures.cell("floor", "echo", "p50_us", 1), "-")

    def test_a_figure_that_did_not_happen_is_left_out(self):
        figures = Figures()
        figures.add("node", "slow", {"first_cut_s": None})
        figures.add("node", "slow", {"first_cut_s": 4})
        self.assertEqual(figures.values("node", "slow", "first_cut_s"), [4])

    def test_memory_is_also_shown_in_mib(self):
        figures = Figures()
        figures.add("node", "large", {"rss_peak_kib": 4096, "rss_before_kib": 1024})
        self.assertEqual(figures.median("node", "large", "rss_growth_mib"), 3)

    def test_columns_are_aligned_in_text_and_marked_in_markdown(self):
        self.assertEqual(table(["", "a"], [["row", "1.0"]], False), "       a\nrow  1.0")
        self.assertEqual(table(["", "a"], [["row", "1.0"]], True), "|  | a |\n| --- | ---: |\n| row | 1.0 |")

    def test_every_row_belongs_to_a_scenario(self):
        for rows in (scenarios.ROWS, scenarios.SLOW_ROWS, scenarios.CHECKS):
            for row in rows:
                self.assertIn(row[1], scenarios.SCENARIOS)


class Targets(unittest.TestCase):
    def verdicts(self, figures, hold=None):
        return {(line[0], line[1]): line[2:] for line in targets.rows(figures, list(scenarios.SCENARIOS), hold)}

    def test_a_ratio_up_to_its_limit_is_met(self):
        found = self.verdicts(measured(owned=3, socketioxide=5, node=10))
        text = "CPU per delivery, 2 in flight"
        self.assertEqual(found[text, "natter owned / socketioxide"], ["<= 0.6x", "0.60x", "met"])
        self.assertEqual(found[text, "natter owned / node"], ["<= 0.25x", "0.30x", "missed"])
        self.assertEqual(found[text, "natter owned / floor"], ["<= 0.75x", "-", "not measured"])

    def test_without_the_owned_transport_the_mounted_one_is_named(self):
        found = self.verdicts(measured(mounted=3, socketioxide=5))
        self.assertIn(("CPU per delivery, 2 in flight", "natter mounted / socketioxide"), found)

    def test_what_slow_readers_may_cost(self):
        figures = Figures()
        slow = {"last_cut_s": 10.4, "kib_per_slow": 60, "p99_before_us": 10_000, "p99_during_us": 12_000}
        figures.add("natter owned", "slow", slow)
        found = self.verdicts(figures)
        self.assertEqual(found["until the sockets of 100 slow clients are closed", "natter owned"], ["<= 10 s", "10.4 s", "missed"])
        self.assertEqual(found["peak memory for each slow client", "natter owned"], ["<= 1280 KiB", "60.0 KiB", "met"])
        self.assertEqual(found["peak memory for each slow client", "natter mounted"][-1], "not measured")
        text = "p99 latency of 900 clients, 100 do not read"
        self.assertEqual(found[text, "natter owned / all read"], ["<= 1.2x", "1.20x", "met"])

    def test_a_hold_counts_only_with_all_clients_for_five_minutes_and_nats(self):
        whole = {"nats": True, "clients": 90_000, "hold_s": 300, "transport": "owned", "nodes_mib": 300, "all_answered": True}
        verdict = lambda hold: targets.hold_row(hold)[-1]
        self.assertEqual(verdict(whole), "met")
        self.assertEqual(verdict({**whole, "nodes_mib": 351}), "missed")
        self.assertIn("unanswered", verdict({**whole, "all_answered": False}))
        for short in ({**whole, "clients": 600}, {**whole, "hold_s": 60}, {**whole, "nats": False}, None):
            self.assertIn("not measured", verdict(short))


class Runs(unittest.TestCase):
    def test_a_peer_that_is_not_available_is_asked_once_and_a_failure_is_named(self):
        asked = []

        def measure(peer, scenario, run):
            asked.append(peer)
            if peer == "absent":
                raise Unavailable("no such thing")
            if run == 2:
                raise RuntimeError("broke")
            return {"us": 1.0}

        figures, failures, missing = measure_all(2, ["absent", "there"], ["echo"], measure)
        self.assertEqual(asked, ["absent", "there", "there"])
        self.assertEqual(missing, {"absent": "no such thing"})
        self.assertEqual(failures, ["run 2, echo, there: broke"])
        self.assertEqual(figures.values("there", "echo", "us"), [1.0])

    def test_a_server_that_refuses_its_flags_is_not_available_and_one_that_ends_is_an_error(self):
        with tempfile.NamedTemporaryFile("w") as log:
            server = lambda code: Server([sys.executable, "-c", f"import sys; print('no', file=sys.stderr); {code}"], log)
            with self.assertRaisesRegex(Unavailable, "no"):
                server("sys.exit(64)")
            with self.assertRaisesRegex(RuntimeError, "ended before it was ready: no"):
                server("sys.exit(1)")
            with server("print('ready http://127.0.0.1:1', flush=True); sys.stdin.read()") as ready:
                self.assertEqual(ready.url, "http://127.0.0.1:1")

    def test_the_floor_is_left_out_of_what_it_does_not_know(self):
        self.assertFalse(peers.knows(peers.FLOOR, "chat"))
        self.assertTrue(peers.knows(peers.FLOOR, "rooms") and peers.knows(peers.NODE, "chat"))

    def test_lists_keep_the_known_order_and_name_what_is_unknown(self):
        parse = options.one_of(["a", "b"])
        self.assertEqual(parse("b,a"), ["a", "b"])
        with self.assertRaisesRegex(argparse.ArgumentTypeError, "there is no c"):
            parse("a,c")

    def test_counters_are_numbers_at_any_depth(self):
        stats = json.loads('{"bus": {"received": 3, "dropped": {"version": 1}}, "ready": true, "node": "a"}')
        self.assertEqual(dict(cluster.numbers(stats, "")), {"bus.received": 3, "bus.dropped.version": 1})


if __name__ == "__main__":
    unittest.main()
