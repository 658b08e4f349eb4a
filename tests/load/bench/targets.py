"""What Natter is meant to reach, and whether it did: ratios of medians within one comparison."""

from .peers import FLOOR, MOUNTED, NODE, OWNED, SOCKETIOXIDE

# An outbox never holds more than this (ARCHITECTURE.md): the bound behind which a client is cut off.
OUTBOX_MIB = 1
LARGE_CLIENTS = 1000

# text, scenario, key, against whom, at most
RATIOS = [
    ("CPU per delivery, 2 in flight", "broadcast-2", "us_per_delivery", SOCKETIOXIDE, 0.6),
    ("CPU per delivery, 2 in flight", "broadcast-2", "us_per_delivery", NODE, 0.25),
    ("CPU per delivery, 2 in flight", "broadcast-2", "us_per_delivery", FLOOR, 0.75),
    ("CPU per delivery, 16 in flight", "broadcast-16", "us_per_delivery", SOCKETIOXIDE, 0.4),
    ("CPU per delivery, 16 in flight", "broadcast-16", "us_per_delivery", NODE, 0.1),
    ("CPU per delivery, 100 rooms of 10", "rooms", "us_per_delivery", SOCKETIOXIDE, 0.6),
    ("CPU per acked echo, 100 clients", "echo", "us_per_delivery", FLOOR, 1.35),
    ("CPU per connection made", "storm", "us_per_connect", SOCKETIOXIDE, 0.5),
    ("CPU per delivery of 64 KiB", "large", "us_per_delivery", SOCKETIOXIDE, 0.8),
    ("p99 latency, one room of 10,000, 10 events/s", "feed", "p99_us", SOCKETIOXIDE, 0.6),
]
# text, peer, scenario, key, at most
MEMORY = [
    ("KiB per idle client, 15,000 clients", OWNED, "idle", "kib_per_client", 2.5),
    ("KiB per idle client, 15,000 clients", MOUNTED, "idle", "kib_per_client", 13.0),
]
# text, peer, key, at most, unit
SLOW = [
    (text, peer, key, limit, unit)
    for peer in (OWNED, MOUNTED)
    for text, key, limit, unit in [
        ("until the sockets of 100 slow clients are closed", "last_cut_s", 10, "s"),
        ("peak memory for each slow client", "kib_per_slow", 1280, "KiB"),
    ]
]
HOLD_MIB = 350


def rows(figures, scenarios, hold=None):
    """For the table: what, who, target, measured, verdict, of the scenarios that were asked for."""
    # The owned transport is the gateway's; until it is measured the mounted one stands in, by name.
    ours = OWNED if figures.results.get(OWNED) else MOUNTED
    found = []
    for text, scenario, key, other, limit in RATIOS:
        if scenario not in scenarios:
            continue
        ratio = figures.ratio(ours, other, scenario, key)
        found.append(row(text, f"{ours} / {other}", f"<= {limit:g}x", ratio, limit, "{:.2f}x"))
    for text, peer, scenario, key, limit in MEMORY:
        if scenario not in scenarios:
            continue
        found.append(row(text, peer, f"<= {limit:g} KiB", figures.median(peer, scenario, key), limit, "{:.2f} KiB"))
    if "large" in scenarios:
        found.append(large_row(figures, ours))
    if "slow" in scenarios:
        found += [slow_row(figures, *target) for target in SLOW]
        found.append(slow_latency_row(figures, ours))
    found.append(hold_row(hold))
    return found


def large_row(figures, ours):
    """Peak memory under 64 KiB events against 1.2 times the idle memory and what the outboxes may hold."""
    peak, before = (figures.median(ours, "large", key) for key in ("rss_peak_kib", "rss_before_kib"))
    limit = None if before is None else 1.2 * before / 1024 + LARGE_CLIENTS * OUTBOX_MIB
    target = "-" if limit is None else f"<= {limit:,.0f} MiB"
    peak = None if peak is None else peak / 1024
    return row("peak memory, 64 KiB events to 1,000 clients", ours, target, peak, limit, "{:,.0f} MiB")


def slow_row(figures, text, peer, key, limit, unit):
    return row(text, peer, f"<= {limit} {unit}", figures.median(peer, "slow", key), limit, "{:.1f} " + unit)


def slow_latency_row(figures, ours):
    """What the clients that read notice of those that do not."""
    before, during = (figures.median(ours, "slow", key) for key in ("p99_before_us", "p99_during_us"))
    ratio = during / before if before and during is not None else None
    return row("p99 latency of 900 clients, 100 do not read", f"{ours} / all read", "<= 1.2x", ratio, 1.2, "{:.2f}x")


def hold_row(hold):
    """What `hold` found the last time it was run."""
    text = "90,000 idle clients, six nodes, NATS: memory of the nodes"
    if not hold or not hold.get("nats") or hold["clients"] < 90_000 or hold["hold_s"] < 300:
        return [text, OWNED, f"<= {HOLD_MIB} MiB", "-", "not measured (make bench-hold)"]
    result = row(text, f"natter {hold['transport']}", f"<= {HOLD_MIB} MiB", hold["nodes_mib"], HOLD_MIB, "{:.0f} MiB")
    if not hold["all_answered"]:
        result[-1] = "missed: heartbeats unanswered"
    return result


def row(text, who, target, value, limit, form):
    if value is None:
        return [text, who, target, "-", "not measured"]
    return [text, who, target, form.format(value), "met" if value <= limit else "missed"]
