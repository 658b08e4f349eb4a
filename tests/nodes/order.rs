//! Order over several nodes: of what one emitter says, nothing comes twice, nothing is lost and nothing is out of order,
//! whichever way it goes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use natter::{Io, Socket};
use serde_json::Value;

use crate::harness::{Client, Cluster, Node, soon};

const NODES: usize = 3;
const EMITTERS: usize = 8;
const ROOMS: usize = 20;
const CLIENTS: usize = 12;
const EVENTS: u32 = 100_000 / EMITTERS as u32;

/// How far an emitter may be ahead of the slowest client: queues have bounds, and this is not about them.
const AHEAD: u32 = 400;

/// Every so many events one goes to the whole namespace.
const TO_ALL: u32 = 50;

/// The rooms of a client: a third of all, so that each room has members on one node, on two, or on all.
fn rooms_of(client: usize) -> impl Iterator<Item = usize> {
    (0..ROOMS).filter(move |room| (room * 7 + client * 5) % 12 < 4)
}

fn is_in(client: usize, room: usize) -> bool {
    rooms_of(client).any(|it| it == room)
}

/// Where an event goes, by the emitter and its number. The emitter's own sockets are those of its node.
enum Way {
    All,
    Room(usize),
    TwoRooms(usize, usize),
    /// To one client by its id.
    Targeted(usize),
    /// To a socket of the emitter's node, through the socket itself.
    Socket(usize),
}

fn way(emitter: usize, number: u32) -> Way {
    let number = number as usize;
    let spread = number * 31 + emitter * 17;
    if number.is_multiple_of(TO_ALL as usize) {
        return Way::All;
    }
    match number % 10 {
        0..=4 => Way::Room(spread % ROOMS),
        5 => Way::TwoRooms(spread % ROOMS, (spread + 3) % ROOMS),
        6..=8 => Way::Targeted(spread % CLIENTS),
        _ => Way::Socket(emitter % NODES + NODES * (spread % (CLIENTS / NODES))),
    }
}

fn is_for(client: usize, way: &Way) -> bool {
    match *way {
        Way::All => true,
        Way::Room(room) => is_in(client, room),
        Way::TwoRooms(one, other) => is_in(client, one) || is_in(client, other),
        Way::Targeted(it) | Way::Socket(it) => client == it,
    }
}

/// The last event to all that each client has of each emitter.
type Progress = Arc<[[AtomicU32; CLIENTS]; EMITTERS]>;

struct Emitter {
    nth: usize,
    io: Io,
    ids: Vec<String>,
    sockets: Arc<Mutex<Vec<Socket>>>,
    progress: Progress,
}

impl Emitter {
    fn run(self) {
        let sockets = self.sockets.lock().expect("nobody has panicked").clone();
        for number in 1..=EVENTS {
            let data = (self.nth, number);
            let emitted = match way(self.nth, number) {
                Way::All => {
                    self.wait_for_the_slowest(number);
                    self.io.emit("e", data)
                }
                Way::Room(room) => self.io.to(format!("room-{room}")).emit("e", data),
                Way::TwoRooms(one, other) => {
                    self.io.to([format!("room-{one}"), format!("room-{other}")]).emit("e", data)
                }
                Way::Targeted(client) => self.io.to(self.ids[client].clone()).emit("e", data),
                Way::Socket(client) => sockets[client].emit("e", data),
            };
            emitted.expect("there is room");
        }
        self.io.emit("end", self.nth).expect("there is room");
    }

    fn wait_for_the_slowest(&self, number: u32) {
        for seen in &self.progress[self.nth] {
            while seen.load(Relaxed) + AHEAD < number {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Reads until all emitters have ended; what it should have heard is what it has heard.
async fn listens(nth: usize, mut client: Client, progress: Progress) {
    let mut last = [0; EMITTERS];
    let mut open = EMITTERS;
    while open > 0 {
        let (name, args) = client.packet().await.event();
        let count = |at: usize| u32::try_from(args[at].as_u64().expect("a number")).expect("a small one");
        let emitter = count(0) as usize;
        let number = if name == "end" { EVENTS + 1 } else { count(1) };
        let mut expected = last[emitter] + 1;
        while expected <= EVENTS && !is_for(nth, &way(emitter, expected)) {
            expected += 1;
        }
        assert_eq!(number, expected, "client {nth} of emitter {emitter}, after {}", last[emitter]);
        last[emitter] = number;
        if name == "end" {
            open -= 1;
        }
        if matches!(way(emitter, number), Way::All) || name == "end" {
            progress[emitter][nth].store(number, Relaxed);
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_events_of_eight_emitters_arrive_in_order_once_and_all() {
    let cluster = Cluster::of(NODES).await;
    let node = |client: usize| cluster.node(client % NODES);
    let mut clients = Vec::new();
    for nth in 0..CLIENTS {
        let mut client = node(nth).connect().await;
        for room in rooms_of(nth) {
            client.join(&format!("room-{room}")).await;
        }
        clients.push(client);
    }
    let ids: Vec<_> = clients.iter().map(|client| client.id().to_owned()).collect();
    let sockets: Vec<_> = clients.iter().enumerate().map(|(nth, client)| node(nth).socket(client)).collect();
    let sockets = Arc::new(Mutex::new(sockets));
    let progress = Progress::default();
    let emitters: Vec<_> = (0..EMITTERS)
        .map(|nth| {
            let io = cluster.node(nth % NODES).io.clone();
            let emitter =
                Emitter { nth, io, ids: ids.clone(), sockets: sockets.clone(), progress: progress.clone() };
            thread::spawn(move || emitter.run())
        })
        .collect();
    let listening: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(nth, client)| tokio::spawn(listens(nth, client, progress.clone())))
        .collect();
    for client in listening {
        client.await.expect("a client has heard what it should");
    }
    for emitter in emitters {
        emitter.join().expect("an emitter has emitted all");
    }
    let lost = |node: &Node| {
        let link = node.link();
        (link.lost, link.late, link.dropped_slow, link.unknown_sender)
    };
    assert!(cluster.nodes().iter().all(|node| lost(node) == (0, 0, 0, 0)));
}

/// What a handler emits, on the worker threads of two nodes that have the same sockets in mind.
#[tokio::test]
async fn what_a_handler_says_to_its_socket_and_to_rooms_of_another_node_stays_in_order() {
    const ROUNDS: u64 = 300;
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = here.member_of("news").await;
    let mut ben = there.member_of("news").await;
    let ben_id = ben.id().to_owned();
    here.socket(&ann).on("go", move |socket: Socket, natter::Data(round): natter::Data<u64>| {
        let ben = ben_id.clone();
        async move {
            socket.emit("own", round).expect("there is room");
            socket.in_("news").emit("room", round).expect("there is room");
            socket.broadcast().emit("all", round).expect("there is room");
            socket.to(ben).emit("you", round).expect("there is room");
            socket.namespace().to("news").emit("everybody", round).expect("there is room");
        }
    });
    for round in 0..ROUNDS {
        ann.emit("go", Value::from(vec![round])).await;
    }
    soon("all of it", async {
        for round in 0..ROUNDS {
            for event in ["room", "all", "you", "everybody"] {
                assert_eq!(ben.expect(event).await[0], round);
            }
            for event in ["own", "everybody"] {
                assert_eq!(ann.expect(event).await[0], round);
            }
        }
    })
    .await;
}
