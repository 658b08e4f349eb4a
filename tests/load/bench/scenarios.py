"""The scenarios of `compare`: what the generator is told, and which of its figures are shown."""

# name in the report, arguments of the generator
SCENARIOS = {
    "broadcast-2": ["broadcast", "--clients", "1000", "--in-flight", "2"],
    "broadcast-16": ["broadcast", "--clients", "1000", "--in-flight", "16"],
    "rooms": ["rooms", "--rooms", "100", "--members", "10"],
    "echo": ["echo", "--clients", "100"],
    "idle": ["idle", "--clients", "15000"],
    "storm": ["storm", "--clients", "1000"],
    "large": ["large", "--clients", "1000"],
    "feed": ["feed", "--clients", "10000", "--rate", "10"],
    "direct": ["direct", "--clients", "1000"],
    "churn": ["churn", "--clients", "1000"],
    "chat": ["chat"],
    "slow": ["slow", "--clients", "1000", "--slow", "100"],
}
# Those of the targets. The others are measured when they are named.
USUAL = ["broadcast-2", "broadcast-16", "rooms", "echo", "idle", "storm", "large", "feed"]
EXTENDED_BY_CPU = {"broadcast-2", "broadcast-16", "rooms", "echo", "large", "direct", "churn", "storm"}
EXTENDED_BY_TIME = {"feed", "chat"}

# text, scenario, key in its report, decimals, factor
ROWS = [
    ("us CPU per delivery, 2 broadcasts in flight", "broadcast-2", "us_per_delivery", 2, 1),
    ("us CPU per delivery, 16 in flight", "broadcast-16", "us_per_delivery", 2, 1),
    ("us CPU per delivery, 100 rooms of 10", "rooms", "us_per_delivery", 2, 1),
    ("us CPU per acked echo, 100 clients", "echo", "us_per_delivery", 2, 1),
    ("KiB per idle client, 15,000 clients", "idle", "kib_per_client", 2, 1),
    ("us CPU per connection made", "storm", "us_per_connect", 1, 1),
    ("us CPU per delivery of 64 KiB", "large", "us_per_delivery", 1, 1),
    ("MiB of memory at most, 64 KiB events", "large", "rss_peak_mib", 0, 1),
    ("p50 ms, one room of 10,000, 10 events/s", "feed", "p50_us", 1, 1e-3),
    ("p99 ms, one room of 10,000, 10 events/s", "feed", "p99_us", 1, 1e-3),
    ("us CPU per event to one socket", "direct", "us_per_delivery", 2, 1),
    ("us CPU per join or leave", "churn", "us_per_delivery", 2, 1),
    ("us CPU per delivery, chat", "chat", "us_per_delivery", 2, 1),
    ("p99 ms, chat", "chat", "p99_us", 2, 1e-3),
]
SLOW_ROWS = [
    ("slow clients cut off, of 100", "slow", "cut", 0, 1),
    ("s until the first one's socket was closed", "slow", "first_cut_s", 1, 1),
    ("s until all of theirs were closed", "slow", "last_cut_s", 1, 1),
    ("reading clients cut off all the same", "slow", "readers_lost", 0, 1),
    ("KiB of peak memory per slow client", "slow", "kib_per_slow", 1, 1),
    ("p99 ms of the others, all read", "slow", "p99_before_us", 1, 1e-3),
    ("p99 ms of the others, 100 do not", "slow", "p99_during_us", 1, 1e-3),
]
# A figure above says little where these are not what they should be.
CHECKS = [
    ("out of order, 2 in flight (%)", "broadcast-2", "disorder_percent", 1, 1),
    ("out of order, 16 in flight (%)", "broadcast-16", "disorder_percent", 1, 1),
    ("out of order, 64 KiB events (%)", "large", "disorder_percent", 1, 1),
    ("out of order, chat (%)", "chat", "disorder_percent", 1, 1),
    ("deliveries missing, 2 in flight", "broadcast-2", "missing", 0, 1),
    ("deliveries missing, 16 in flight", "broadcast-16", "missing", 0, 1),
    ("deliveries missing, 100 rooms", "rooms", "missing", 0, 1),
    ("deliveries missing, 64 KiB events", "large", "missing", 0, 1),
    ("deliveries missing, room of 10,000", "feed", "missing", 0, 1),
    ("server's use of a core, 2 in flight (%)", "broadcast-2", "server_percent", 0, 1),
    ("generator's use of a core, 2 in flight (%)", "broadcast-2", "generator_percent", 0, 1),
    ("generator's use of a core, room of 10,000 (%)", "feed", "generator_percent", 0, 1),
    ("echo round trip, p50 (us)", "echo", "p50_us", 0, 1),
    ("echo round trip, p99 (us)", "echo", "p99_us", 0, 1),
]


def words(scenario, cpu, seconds):
    """The generator's arguments."""
    if scenario in EXTENDED_BY_CPU:
        return [*SCENARIOS[scenario], "--cpu", str(cpu)]
    if scenario in EXTENDED_BY_TIME:
        return [*SCENARIOS[scenario], "--seconds", str(seconds)]
    return SCENARIOS[scenario]
