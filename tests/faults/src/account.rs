//! What arrived, beside what was sent. Pure.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Moment;
use crate::course::{Course, Window};
use crate::emitter::EmitterLog;
use crate::inquirer::Answer;
use crate::member::{Arrival, MemberLog};
use crate::socket::End;

/// An event that is older than this when it arrives is stale.
pub const STALE: Duration = Duration::from_secs(3);

/// Events of all emitters at all members.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Account {
    /// Events that were handed to a connection.
    pub sent: u64,
    /// Events that arrived, each time that one did.
    pub arrived: u64,
    /// Lost on ways that the fault concerned, while it did.
    pub lost: u64,
    /// Lost on any other way, or at any other time.
    pub lost_elsewhere: u64,
    pub repeated: u64,
    pub out_of_order: u64,
    /// Older than 3 s when they arrived.
    pub stale: u64,
    /// The age of the oldest event that arrived, in seconds.
    pub oldest: f64,
    /// Events that no emitter has sent.
    pub strange: u64,
    /// The longest time in seconds in which a member heard nothing of an emitter, where the fault concerned them.
    pub gap: f64,
    /// The same where it did not.
    pub gap_elsewhere: f64,
    /// The longest time in seconds from a member's being cut off to its having joined elsewhere.
    pub absence: f64,
    /// Members that were cut off, of nodes where that was to be expected: with a word, and without.
    pub told: u64,
    pub torn: u64,
    /// Members that should have been told and were torn off without a word.
    pub untold: u64,
    /// Members that were cut off by any other node.
    pub cut_elsewhere: u64,
    /// Pairs of an emitter and a member with nothing delivered after the recovery.
    pub silent: u64,
    /// Answers that list sockets of a node that is gone.
    pub ghosts: u64,
    pub answers: u64,
    /// The slowest of them, in seconds.
    pub slowest_answer: f64,
    /// Answers that name nodes as missing.
    pub partial: u64,
}

/// Compares. `calm` is the moment from which on all was well again.
pub fn account(
    emitters: &[EmitterLog],
    members: &[MemberLog],
    answers: &[Answer],
    course: &Course,
    calm: Moment,
) -> Account {
    let mut account = Account {
        sent: emitters.iter().map(|log| log.emissions.len() as u64).sum(),
        answers: answers.len() as u64,
        ..Account::default()
    };
    for member in members {
        account.member(emitters, member, course, calm);
    }
    account.questions(answers, course);
    account
}

impl Account {
    fn member(&mut self, emitters: &[EmitterLog], member: &MemberLog, course: &Course, calm: Moment) {
        self.arrived += member.arrivals.len() as u64;
        self.strange += member.strange;
        let seen = self.arrivals(emitters, member, &course.windows, calm);
        self.losses(emitters, member, &seen, &course.windows);
        self.stays(member, course);
    }

    /// Goes through what arrived; which events did.
    fn arrivals(
        &mut self,
        emitters: &[EmitterLog],
        member: &MemberLog,
        windows: &[Window],
        calm: Moment,
    ) -> Vec<Vec<bool>> {
        let mut seen: Vec<Vec<bool>> = emitters.iter().map(|log| vec![false; log.emissions.len()]).collect();
        let mut newest: HashMap<(usize, u32), usize> = HashMap::new();
        let mut last: Vec<Option<Arrival>> = vec![None; emitters.len()];
        let mut heard = vec![false; emitters.len()];
        for arrival in &member.arrivals {
            let Arrival { emitter, number, line, at, .. } = *arrival;
            let Some(emission) = emitters.get(emitter).and_then(|log| log.emissions.get(number)) else {
                self.strange += 1;
                continue;
            };
            let before = &mut seen[emitter][number];
            if std::mem::replace(before, true) {
                self.repeated += 1;
            }
            let newest = newest.entry((emitter, line)).or_insert(number);
            if number < *newest {
                self.out_of_order += 1;
            }
            *newest = number.max(*newest);
            let age = at.saturating_sub(emission.at);
            self.oldest = self.oldest.max(age.as_secs_f64());
            self.stale += u64::from(age > STALE);
            heard[emitter] |= emission.at > calm;
            if let Some(before) = last[emitter].replace(*arrival) {
                self.gap_between(emitters, &before, arrival, windows);
            }
        }
        self.silent += heard.iter().filter(|heard| !**heard).count() as u64;
        seen
    }

    fn gap_between(&mut self, emitters: &[EmitterLog], from: &Arrival, to: &Arrival, windows: &[Window]) {
        let origin = |arrival: &Arrival| emitters[arrival.emitter].emissions[arrival.number].node;
        let concerned = windows.iter().any(|window| {
            let overlaps = window.from <= to.at && from.at <= window.to;
            let concerns =
                window.paths.include(origin(from), from.node) || window.paths.include(origin(to), to.node);
            overlaps && concerns
        });
        let gap = if concerned { &mut self.gap } else { &mut self.gap_elsewhere };
        *gap = gap.max(to.at.saturating_sub(from.at).as_secs_f64());
    }

    fn losses(
        &mut self,
        emitters: &[EmitterLog],
        member: &MemberLog,
        seen: &[Vec<bool>],
        windows: &[Window],
    ) {
        for (log, seen) in emitters.iter().zip(seen) {
            let missed = log.emissions.iter().zip(seen).filter(|(emission, seen)| emission.sent && !**seen);
            for (emission, _) in missed.filter(|(emission, _)| member.rooms.contains(&emission.room)) {
                let there = member.stays.iter().find(|stay| {
                    stay.joined <= emission.at && stay.ended.is_none_or(|(at, _)| emission.at < at)
                });
                // Whoever was on its way to another node has missed it, and knows.
                let Some(stay) = there else { continue };
                let concerned = windows.iter().any(|window| {
                    let within = window.from <= emission.at && emission.at <= window.to;
                    within && window.paths.include(emission.node, stay.node)
                });
                if concerned {
                    self.lost += 1;
                } else {
                    self.lost_elsewhere += 1;
                }
            }
        }
    }

    fn stays(&mut self, member: &MemberLog, course: &Course) {
        for (index, stay) in member.stays.iter().enumerate() {
            let Some((at, end)) = stay.ended else { continue };
            if !course.cut.contains(&stay.node) {
                self.cut_elsewhere += 1;
            } else if end == End::Told {
                self.told += 1;
            } else {
                self.torn += 1;
                self.untold += u64::from(course.told.contains(&stay.node));
            }
            if let Some(next) = member.stays.get(index + 1) {
                self.absence = self.absence.max((next.joined - at).as_secs_f64());
            }
        }
    }

    fn questions(&mut self, answers: &[Answer], course: &Course) {
        for answer in answers {
            self.slowest_answer = self.slowest_answer.max(answer.took.as_secs_f64());
            self.partial += u64::from(!answer.missing.is_empty());
            let haunted = course.gone.iter().any(|gone| {
                gone.from <= answer.asked
                    && answer.asked <= gone.to
                    && gone.except != Some(answer.node)
                    && answer.ids.iter().any(|id| gone.ids.contains(id))
            });
            self.ghosts += u64::from(haunted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{Gone, Paths};
    use crate::emitter::Emission;
    use crate::member::Stay;

    fn at(millis: u64) -> Moment {
        Duration::from_millis(millis)
    }

    /// One emitter on node 0, an event each 100 ms.
    fn emitted(count: u64) -> Vec<EmitterLog> {
        let emission = |nth| Emission { node: 0, room: 0, at: at(nth * 100), sent: true };
        vec![EmitterLog { emissions: (0..count).map(emission).collect() }]
    }

    /// A member on node 1 that got these, each 10 ms after it was sent.
    fn member(numbers: &[usize]) -> MemberLog {
        let arrival = |&number: &usize| Arrival {
            emitter: 0,
            number,
            line: 0,
            at: at(number as u64 * 100 + 10),
            node: 1,
        };
        MemberLog {
            rooms: vec![0],
            stays: vec![Stay { node: 1, joined: at(0), ended: None }],
            arrivals: numbers.iter().map(arrival).collect(),
            strange: 0,
        }
    }

    fn of(emitters: &[EmitterLog], member: MemberLog, course: &Course) -> Account {
        account(emitters, &[member], &[], course, at(0))
    }

    #[test]
    fn what_arrived_once_and_in_order_is_no_fault() {
        let account = of(&emitted(4), member(&[0, 1, 2, 3]), &Course::default());
        let bad =
            account.lost + account.lost_elsewhere + account.repeated + account.out_of_order + account.silent;
        assert_eq!((account.sent, account.arrived, bad), (4, 4, 0));
    }

    #[test]
    fn a_loss_is_excused_only_on_the_ways_and_in_the_time_of_a_fault() {
        let window = |paths, to| Course {
            windows: vec![Window { paths, from: at(150), to: at(to) }],
            ..Course::default()
        };
        for (course, excused) in [
            (window(Paths::Of(1), 250), 1),
            (window(Paths::Across, 350), 2),
            (window(Paths::Of(2), 350), 0),
            (window(Paths::Between(0), 120), 0),
        ] {
            let account = of(&emitted(5), member(&[0, 1, 4]), &course);
            assert_eq!(
                (account.lost, account.lost_elsewhere),
                (excused, 2 - excused),
                "{:?}",
                course.windows
            );
        }
    }

    #[test]
    fn what_was_sent_while_a_member_was_away_is_not_lost() {
        let mut away = member(&[0, 3]);
        away.stays = vec![
            Stay { node: 1, joined: at(0), ended: Some((at(50), End::Torn)) },
            Stay { node: 2, joined: at(250), ended: None },
        ];
        let course = Course { cut: [1].into(), told: [1].into(), ..Course::default() };
        let account = of(&emitted(4), away, &course);
        assert_eq!(
            (account.lost_elsewhere, account.torn, account.untold, account.cut_elsewhere),
            (0, 1, 1, 0)
        );
        assert!((account.absence - 0.2).abs() < 1e-9);
    }

    #[test]
    fn repetitions_and_a_wrong_order_are_seen() {
        let account = of(&emitted(4), member(&[0, 2, 1, 2, 3]), &Course::default());
        assert_eq!((account.repeated, account.out_of_order, account.lost_elsewhere), (1, 1, 0));
    }

    #[test]
    fn old_events_and_silent_emitters_are_seen() {
        let mut late = member(&[0]);
        late.arrivals[0].at = at(3_500);
        let account = of(&emitted(1), late, &Course::default());
        assert_eq!((account.stale, account.silent), (1, 1));
    }

    #[test]
    fn an_answer_that_lists_the_gone_is_a_ghost_but_not_of_the_node_that_has_them() {
        let gone = Gone { ids: ["x".to_owned()].into(), from: at(100), to: at(200), except: Some(2) };
        let course = Course { gone: vec![gone], ..Course::default() };
        let answer = |node, asked| Answer {
            node,
            asked: at(asked),
            took: at(1),
            ids: vec!["x".to_owned()],
            missing: Vec::new(),
        };
        let answers = [answer(0, 50), answer(0, 150), answer(2, 150), answer(0, 250)];
        assert_eq!(account(&[], &[], &answers, &course, at(0)).ghosts, 1);
    }
}
