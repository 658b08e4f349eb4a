//! The state of one Engine.IO session: heartbeat, transport, upgrade, deadlines. Pure: the time is an argument, and
//! what is to be done is an answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{options::EngineOptions, options::TransportKind};

/// While an upgrade is under way, a poll that waits is let go this often, so that the client can stop polling.
const RELEASE_EVERY: Duration = Duration::from_millis(100);

/// What a timer may be late by, because of its resolution. It is not added to the time of a pong.
const TIMER: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Session {
    timing: Arc<Timing>,
    transport: Transport,
    heartbeat: Heartbeat,
    upgrade: Option<Box<Upgrade>>,
    limits: Option<Box<Limits>>,
}

/// Deadlines that an idle session has none of, and no memory for.
#[derive(Debug, Default)]
struct Limits {
    /// A first namespace must be joined by then.
    connect_by: Option<Instant>,
    /// A packet that has begun must be complete by then.
    packet_by: Option<Instant>,
    /// Set once the session is closing: what is queued must be delivered by then.
    closing_by: Option<Instant>,
}

/// The durations all sessions of a server share.
#[derive(Debug)]
pub(crate) struct Timing {
    ping_interval: Duration,
    ping_timeout: Duration,
    upgrade_timeout: Duration,
    packet_timeout: Duration,
}

#[derive(Debug)]
enum Transport {
    Polling { poll_waits: bool, posting: bool },
    Websocket,
}

#[derive(Debug)]
enum Heartbeat {
    PingAt(Instant),
    PongBy(Instant),
}

#[derive(Debug)]
struct Upgrade {
    by: Instant,
    /// The probe was answered; polls are let go at this time.
    release_at: Option<Instant>,
}

/// What time has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ping,
    PingTimeout,
    ConnectTimeout,
    PacketTimeout,
    UpgradeTimeout,
    /// A waiting poll must be answered, with a noop if there is nothing else.
    ReleasePoll,
    CloseTimeout,
}

/// Why a GET or POST can't begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollRefused {
    /// One is waiting already: the session ends (protocol section "HTTP long-polling").
    Overlap,
    /// The session has gone on over a WebSocket.
    OtherTransport,
}

impl Timing {
    pub fn of(options: &EngineOptions) -> Self {
        Self {
            ping_interval: options.ping_interval,
            ping_timeout: options.ping_timeout,
            upgrade_timeout: options.upgrade_timeout,
            packet_timeout: options.limits.packet_timeout,
        }
    }
}

impl Session {
    pub fn open(
        timing: Arc<Timing>,
        transport: TransportKind,
        connect_timeout: Option<Duration>,
        now: Instant,
    ) -> Self {
        let first_ping = now + timing.ping_interval;
        Self {
            timing,
            transport: match transport {
                TransportKind::Polling => Transport::Polling { poll_waits: false, posting: false },
                TransportKind::Websocket => Transport::Websocket,
            },
            heartbeat: Heartbeat::PingAt(first_ping),
            upgrade: None,
            limits: connect_timeout
                .map(|timeout| Box::new(Limits { connect_by: Some(now + timeout), ..Limits::default() })),
        }
    }

    pub fn transport(&self) -> TransportKind {
        match self.transport {
            Transport::Polling { .. } => TransportKind::Polling,
            Transport::Websocket => TransportKind::Websocket,
        }
    }

    pub fn is_closing(&self) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.closing_by.is_some())
    }

    pub fn begin_poll(&mut self) -> Result<(), PollRefused> {
        match &mut self.transport {
            Transport::Websocket => Err(PollRefused::OtherTransport),
            Transport::Polling { poll_waits: true, .. } => Err(PollRefused::Overlap),
            Transport::Polling { poll_waits, .. } => {
                *poll_waits = true;
                Ok(())
            }
        }
    }

    pub fn end_poll(&mut self) {
        if let Transport::Polling { poll_waits, .. } = &mut self.transport {
            *poll_waits = false;
        }
    }

    /// A POST begins; another one must not be under way.
    pub fn begin_post(&mut self) -> Result<(), PollRefused> {
        match &mut self.transport {
            Transport::Websocket => Err(PollRefused::OtherTransport),
            Transport::Polling { posting: true, .. } => Err(PollRefused::Overlap),
            Transport::Polling { posting, .. } => {
                *posting = true;
                Ok(())
            }
        }
    }

    pub fn end_post(&mut self) {
        if let Transport::Polling { posting, .. } = &mut self.transport {
            *posting = false;
        }
    }

    pub fn poll_waits(&self) -> bool {
        matches!(self.transport, Transport::Polling { poll_waits: true, .. })
    }

    /// A pong answers a ping; one that nobody asked for changes no deadline.
    pub fn pong(&mut self, now: Instant) {
        if let Heartbeat::PongBy(_) = self.heartbeat {
            self.heartbeat = Heartbeat::PingAt(now + self.timing.ping_interval);
        }
    }

    /// Whether a first namespace is still to be joined.
    pub fn awaits_namespace(&self) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.connect_by.is_some())
    }

    pub fn connected(&mut self) {
        self.limit(|limits| limits.connect_by = None);
    }

    /// Changes a deadline that is there.
    fn limit(&mut self, change: impl FnOnce(&mut Limits)) {
        let Some(limits) = &mut self.limits else { return };
        change(limits);
        if let Limits { connect_by: None, packet_by: None, closing_by: None } = **limits {
            self.limits = None;
        }
    }

    /// Starts or stops the clock of an unfinished packet; one that runs goes on.
    pub fn packet_unfinished(&mut self, unfinished: bool, now: impl FnOnce() -> Instant) {
        if unfinished {
            let limits = self.limits.get_or_insert_default();
            limits.packet_by.get_or_insert_with(|| now() + self.timing.packet_timeout);
        } else {
            self.limit(|limits| limits.packet_by = None);
        }
    }

    /// Whether a WebSocket may try to take over now; if so its time runs.
    pub fn begin_upgrade(&mut self, now: Instant) -> bool {
        let allowed = matches!(self.transport, Transport::Polling { .. })
            && self.upgrade.is_none()
            && !self.is_closing();
        if allowed {
            self.upgrade =
                Some(Box::new(Upgrade { by: now + self.timing.upgrade_timeout, release_at: None }));
        }
        allowed
    }

    /// The client's probe came (protocol section "Upgrade"). A poll under way is let go a little later, as the reference
    /// does: clients that were just told something are not disturbed by a noop.
    pub fn probed(&mut self, now: Instant) {
        if let Some(upgrade) = &mut self.upgrade {
            upgrade.release_at = Some(now + RELEASE_EVERY);
        }
    }

    /// Takes the WebSocket as the transport, if it was probed before.
    pub fn finish_upgrade(&mut self) -> bool {
        let probed = self.upgrade.as_ref().is_some_and(|upgrade| upgrade.release_at.is_some());
        if probed {
            self.upgrade = None;
            self.transport = Transport::Websocket;
        }
        probed
    }

    pub fn abandon_upgrade(&mut self) {
        self.upgrade = None;
    }

    pub fn begin_close(&mut self, by: Instant) {
        self.upgrade = None;
        self.limits = Some(Box::new(Limits { closing_by: Some(by), ..Limits::default() }));
    }

    /// A session that is closing waits until then at most.
    pub fn hurry_close(&mut self, by: Instant) {
        if let Some(closing_by) = self.limits.as_mut().and_then(|limits| limits.closing_by.as_mut()) {
            *closing_by = by.min(*closing_by);
        }
    }

    /// When [`due`](Self::due) must be asked next.
    pub fn next(&self) -> Instant {
        let limits = self.limits.as_ref();
        if let Some(by) = limits.and_then(|limits| limits.closing_by) {
            return by;
        }
        let heartbeat = match self.heartbeat {
            Heartbeat::PingAt(at) | Heartbeat::PongBy(at) => at,
        };
        let upgrade = self.upgrade.as_ref();
        let by = |of: fn(&Limits) -> Option<Instant>| limits.and_then(|limits| of(limits));
        let (connect, packet) = (by(|limits| limits.connect_by), by(|limits| limits.packet_by));
        [connect, packet, upgrade.map(|it| it.by), upgrade.and_then(|it| it.release_at)]
            .into_iter()
            .flatten()
            .fold(heartbeat, Instant::min)
    }

    /// The next thing that `now` has brought; asked until it brings nothing more.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Some(limits) = &self.limits {
            if limits.closing_by.is_some() {
                return passed(limits.closing_by).then_some(Due::CloseTimeout);
            }
            if passed(limits.connect_by) {
                self.limit(|limits| limits.connect_by = None);
                return Some(Due::ConnectTimeout);
            }
            if passed(limits.packet_by) {
                self.limit(|limits| limits.packet_by = None);
                return Some(Due::PacketTimeout);
            }
        }
        if let Some(upgrade) = &mut self.upgrade {
            if upgrade.by <= now {
                self.upgrade = None;
                return Some(Due::UpgradeTimeout);
            }
            if passed(upgrade.release_at) {
                upgrade.release_at = Some(now + RELEASE_EVERY);
                return Some(Due::ReleasePoll);
            }
        }
        match self.heartbeat {
            Heartbeat::PingAt(at) if at <= now => {
                let pinged = if now - at <= TIMER { at } else { now };
                self.heartbeat = Heartbeat::PongBy(pinged + self.timing.ping_timeout);
                Some(Due::Ping)
            }
            Heartbeat::PongBy(by) if by <= now => Some(Due::PingTimeout),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(transport: TransportKind, now: Instant) -> Session {
        let timing = Arc::new(Timing::of(&EngineOptions::default()));
        Session::open(timing, transport, Some(Duration::from_secs(45)), now)
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_ping_goes_out_after_the_interval_and_a_missing_pong_ends_the_session() {
        let start = Instant::now();
        let mut session = session(TransportKind::Websocket, start);
        session.connected();
        assert_eq!(session.next(), start + secs(25));
        assert_eq!(session.due(start + secs(24)), None);
        assert_eq!(session.due(start + secs(25)), Some(Due::Ping));
        session.pong(start + secs(26));
        assert_eq!(session.due(start + secs(51)), Some(Due::Ping));
        assert_eq!(session.due(start + secs(70)), None);
        assert_eq!(session.due(start + secs(71)), Some(Due::PingTimeout));
    }

    #[test]
    fn what_a_timer_is_late_by_is_not_added_to_the_time_of_a_pong_and_what_a_busy_thread_is_late_by_is() {
        let start = Instant::now();
        for (late, by) in [(Duration::from_millis(2), secs(45)), (secs(3), secs(48))] {
            let mut session = session(TransportKind::Websocket, start);
            session.connected();
            assert_eq!(session.due(start + secs(25) + late), Some(Due::Ping));
            assert_eq!(session.next(), start + by);
        }
    }

    #[test]
    fn a_pong_nobody_asked_for_changes_no_deadline() {
        let start = Instant::now();
        let mut session = session(TransportKind::Websocket, start);
        session.connected();
        session.pong(start + secs(20));
        assert_eq!(session.next(), start + secs(25));
    }

    #[test]
    fn two_polls_at_once_are_refused() {
        let mut session = session(TransportKind::Polling, Instant::now());
        assert_eq!(session.begin_poll(), Ok(()));
        assert_eq!(session.begin_poll(), Err(PollRefused::Overlap));
        session.end_poll();
        assert_eq!(session.begin_poll(), Ok(()));
    }

    #[test]
    fn two_posts_at_once_are_refused() {
        let mut session = session(TransportKind::Polling, Instant::now());
        assert_eq!(session.begin_post(), Ok(()));
        assert_eq!(session.begin_post(), Err(PollRefused::Overlap));
        session.end_post();
        assert_eq!(session.begin_post(), Ok(()));
    }

    #[test]
    fn an_upgrade_needs_its_probe_and_releases_polls_meanwhile() {
        let start = Instant::now();
        let mut session = session(TransportKind::Polling, start);
        assert!(session.begin_upgrade(start));
        assert!(!session.begin_upgrade(start), "one at a time");
        assert!(!session.finish_upgrade(), "not probed yet");
        session.probed(start);
        assert_eq!(session.due(start), None);
        assert_eq!(session.due(start + RELEASE_EVERY), Some(Due::ReleasePoll));
        assert_eq!(session.due(start + RELEASE_EVERY), None);
        assert_eq!(session.due(start + 2 * RELEASE_EVERY), Some(Due::ReleasePoll));
        assert!(session.finish_upgrade());
        assert_eq!(session.transport(), TransportKind::Websocket);
        assert_eq!(session.begin_poll(), Err(PollRefused::OtherTransport));
    }

    #[test]
    fn an_unfinished_upgrade_is_given_up_and_polling_goes_on() {
        let start = Instant::now();
        let mut session = session(TransportKind::Polling, start);
        session.connected();
        assert!(session.begin_upgrade(start));
        assert_eq!(session.due(start + secs(10)), Some(Due::UpgradeTimeout));
        assert_eq!(session.begin_poll(), Ok(()));
        assert!(session.begin_upgrade(start + secs(11)));
    }

    #[test]
    fn the_clock_of_an_unfinished_packet_is_not_reset_by_more_of_it() {
        let start = Instant::now();
        let mut session = session(TransportKind::Polling, start);
        session.connected();
        session.packet_unfinished(true, || start);
        session.packet_unfinished(true, || start + secs(20));
        session.pong(start);
        assert_eq!(session.due(start + secs(24)), None);
        assert_eq!(session.due(start + secs(25)), Some(Due::Ping));
        assert_eq!(session.due(start + secs(30)), Some(Due::PacketTimeout));
    }

    #[test]
    fn a_closing_session_only_waits_for_its_deadline() {
        let start = Instant::now();
        let mut session = session(TransportKind::Polling, start);
        session.begin_close(start + secs(30));
        assert_eq!(session.next(), start + secs(30));
        assert_eq!(session.due(start + secs(26)), None);
        session.hurry_close(start + secs(40));
        assert_eq!(session.next(), start + secs(30));
        session.hurry_close(start + secs(27));
        assert_eq!(session.next(), start + secs(27));
        assert_eq!(session.due(start + secs(27)), Some(Due::CloseTimeout));
    }
}
