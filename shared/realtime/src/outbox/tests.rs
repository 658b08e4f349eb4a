use std::task::Waker;

use super::*;

const BOUNDS: Bounds = Bounds { soft: 100, hard: 200 };
const QUEUED: Pushed = Pushed { queued: true, volatile: 0, lost: 0, too_slow: false };
const LOST: Pushed = Pushed { queued: false, volatile: 0, lost: 1, too_slow: false };

fn frames(n: usize) -> Frames {
    Frames::text(&vec![b'x'; n - 2])
}

fn take(outbox: &Outbox, writer: WriterId) -> Poll<Taken<Bytes>> {
    outbox.poll_packet(writer, &mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_writer_gets_packets_in_order_and_then_the_end() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    assert_eq!(outbox.push(&Frames::text(b"1"), false), QUEUED);
    assert_eq!(outbox.push(&Frames::text(b"2"), false), QUEUED);
    outbox.finish();
    assert_eq!(outbox.push(&Frames::text(b"3"), false), LOST);
    for expected in [b"1", b"2"] {
        assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Some(Frames::text(expected).into_bytes())));
    }
    assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Ended));
}

#[test]
fn past_the_soft_bound_the_oldest_volatile_packets_go_first() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    assert_eq!(outbox.push(&frames(40), true), QUEUED);
    assert_eq!(outbox.push(&frames(41), false), QUEUED);
    assert_eq!(outbox.push(&frames(42), true), Pushed { queued: true, volatile: 1, ..Pushed::default() });
    let mut lengths = vec![];
    while let Poll::Ready(Taken::Some(bytes)) = take(&outbox, writer) {
        lengths.push(bytes.len());
    }
    assert_eq!(lengths, [41, 42]);
}

#[test]
fn past_the_hard_bound_the_client_is_too_slow_and_its_queue_is_gone() {
    let outbox = Outbox::new(BOUNDS);
    assert_eq!(outbox.push(&frames(150), false), QUEUED);
    assert_eq!(outbox.push(&frames(100), false), Pushed { lost: 2, too_slow: true, ..Pushed::default() });
    assert!(outbox.is_empty());
    assert_eq!(outbox.push(&frames(10), false), LOST);
    let writer = outbox.attach();
    assert!(take(&outbox, writer).is_pending(), "it is for the connection to say the last word");
    outbox.finish_with(&frames(5));
    assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Some(frames(5).into_bytes())));
    assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Ended));
}

#[test]
fn one_packet_may_be_larger_than_the_bounds() {
    let outbox = Outbox::new(BOUNDS);
    assert_eq!(outbox.push(&frames(1000), false), QUEUED);
}

#[test]
fn who_waits_for_room_is_told_when_the_queue_is_short_enough() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    let room = || outbox.poll_room(20, &mut Context::from_waker(Waker::noop()));
    assert_eq!(outbox.push(&frames(20), false), QUEUED);
    assert!(room().is_ready());
    assert_eq!(outbox.push(&frames(20), false), QUEUED);
    assert!(room().is_pending());
    assert!(take(&outbox, writer).is_ready());
    assert!(room().is_ready());
}

#[test]
fn a_new_writer_takes_over_what_is_queued() {
    let outbox = Outbox::new(BOUNDS);
    let old = outbox.attach();
    assert_eq!(outbox.push(&Frames::text(b"1"), false), QUEUED);
    let new = outbox.attach();
    assert_eq!(take(&outbox, old), Poll::Ready(Taken::Detached));
    assert!(matches!(take(&outbox, new), Poll::Ready(Taken::Some(_))));
}

#[test]
fn a_packet_of_many_frames_is_spread_over_polls() {
    let outbox = Outbox::new(Bounds { soft: 1000, hard: 1000 });
    let writer = outbox.attach();
    let mut packet = vec![];
    for payload in [b"a", b"b", b"c"] {
        packet.extend_from_slice(Frames::text(payload).as_bytes());
    }
    assert_eq!(outbox.push(&Frames::from_bytes(packet.into()).unwrap(), false), QUEUED);
    assert_eq!(outbox.push(&Frames::text(b"d"), false), QUEUED);
    let poll = || match outbox.poll_frames(writer, 2, 1000, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Taken::Some(frames)) => frames.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(poll(), [&b"a"[..], b"b"]);
    assert_eq!(poll(), [&b"c"[..], b"d"]);
    assert_eq!(outbox.lock().bytes, 0);
}

/// Writes into a vector, so many bytes at a time and in all.
fn write(outbox: &Outbox, writer: WriterId, at_once: usize, mut room: usize) -> (Vec<u8>, Poll<Written>) {
    let mut seen = Vec::new();
    let progress = outbox.poll_write(writer, &mut Context::from_waker(Waker::noop()), |_, packets| {
        let taken: Vec<u8> =
            packets.iter().flat_map(|packet| packet.to_vec()).take(at_once.min(room)).collect();
        if taken.is_empty() {
            return Poll::Pending;
        }
        room -= taken.len();
        seen.extend_from_slice(&taken);
        Poll::Ready(Ok(taken.len()))
    });
    (seen, progress)
}

#[test]
fn packets_are_written_in_whatever_pieces_the_stream_takes() {
    for at_once in 1..50 {
        let outbox = Outbox::new(Bounds::new(10_000, 10_000));
        let writer = outbox.attach();
        let mut expected = Vec::new();
        for length in 2..80 {
            outbox.push(&frames(length), false);
            expected.extend_from_slice(frames(length).as_bytes());
        }
        let mut seen = Vec::new();
        for room in 0..400 {
            seen.extend(write(&outbox, writer, at_once, room).0);
        }
        assert_eq!(seen, expected, "{at_once}");
        outbox.finish();
        assert!(matches!(write(&outbox, writer, 10, 10).1, Poll::Ready(Written::Finished)));
    }
}

#[test]
fn a_packet_that_has_been_begun_is_finished_before_the_last_word() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    outbox.push(&frames(50), true);
    assert_eq!(write(&outbox, writer, 10, 10).0.len(), 10);
    outbox.push(&frames(100), false);
    assert!(outbox.push(&frames(150), false).too_slow);
    outbox.finish_with(&frames(5));
    let (seen, progress) = write(&outbox, writer, 1000, 1000);
    assert_eq!(seen, [&frames(50).as_bytes()[10..], frames(5).as_bytes()].concat());
    assert!(matches!(progress, Poll::Ready(Written::Finished)));
}

#[test]
fn a_volatile_packet_that_has_been_begun_is_not_dropped() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    outbox.push(&frames(60), true);
    assert_eq!(write(&outbox, writer, 10, 10).0.len(), 10);
    assert_eq!(outbox.push(&frames(90), true), Pushed { volatile: 1, ..Pushed::default() });
    assert_eq!(write(&outbox, writer, 1000, 1000).0.len(), 50);
}

#[test]
fn a_closed_outbox_has_nothing_written() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    outbox.push(&frames(60), false);
    assert_eq!(write(&outbox, writer, 10, 10).0.len(), 10);
    assert_eq!(outbox.close(), 1);
    assert!(matches!(write(&outbox, writer, 10, 10).1, Poll::Ready(Written::Closed)));
}

#[test]
fn a_writer_that_attends_need_not_be_woken() {
    let outbox = Outbox::new(BOUNDS);
    let writer = outbox.attach();
    assert!(write(&outbox, writer, 10, 10).1.is_pending());
    outbox.attend(writer);
    assert_eq!(outbox.queue(&frames(10), false), (QUEUED, false));
    assert!(write(&outbox, writer, 10, 10).1.is_pending());
    assert_eq!(outbox.queue(&frames(10), false), (QUEUED, true));
}
