//! Handlers of events and what they ask for.

use natter::{
    Ack, AckError, Args, Binary, Data, EmitError, EventName, EventRefused, Io, Namespace, Socket,
    SocketError, State,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Client, Journal, Server, Transport};

/// A server whose sockets run `setup`, and a client of it.
async fn scene<F, Fut>(setup: F) -> (Server, Client, Journal)
where
    F: Fn(Socket, Journal) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    let noted = journal.clone();
    server.io.on_connect(move |socket: Socket| setup(socket, noted.clone()));
    let client = server.client().await;
    (server, client, journal)
}

#[derive(Deserialize)]
struct Message {
    text: String,
    likes: Option<u32>,
}

#[tokio::test]
async fn data_is_the_first_argument_or_with_a_tuple_several() {
    let (_server, mut ann, journal) = scene(|socket, _| async move {
        socket.on("one", |Data(text): Data<String>, log: State<Journal>| async move { log.note(text) });
        socket.on("two", |Data((a, b)): Data<(u8, String)>, log: State<Journal>| async move {
            log.note(format!("{a} {b}"));
        });
        socket.on("struct", |Data(it): Data<Message>, log: State<Journal>| async move {
            log.note(format!("{} {:?}", it.text, it.likes));
        });
        socket.on(
            "list",
            |Data(list): Data<Vec<i64>>, log: State<Journal>| async move { log.note(list.len()) },
        );
        socket.on("none", |log: State<Journal>| async move { log.note("none") });
    })
    .await;
    ann.emit("one", json!(["hello", "ignored"])).await;
    journal.expect("hello").await;
    ann.emit("two", json!([7, "dwarfs"])).await;
    journal.expect("7 dwarfs").await;
    ann.emit("struct", json!([{"text": "hi", "likes": 3, "more": []}])).await;
    journal.expect("hi Some(3)").await;
    ann.emit("struct", json!([{"text": "hi"}])).await;
    journal.expect("hi None").await;
    ann.emit("list", json!([[1, 2, 3]])).await;
    journal.expect("3").await;
    ann.emit("none", json!([])).await;
    journal.expect("none").await;
}

#[tokio::test]
async fn arguments_that_do_not_fit_reach_on_error_and_an_ack_does_not_hang() {
    let (server, mut ann, journal) = scene(|socket, journal| async move {
        socket.on("number", |Data(number): Data<u8>, log: State<Journal>, ack: Ack| async move {
            log.note(number);
            ack.send(number)
        });
        socket.on("pair", |Data((a, b)): Data<(u8, u8)>, ack: Ack| async move { ack.send(a + b) });
        socket.on_error(move |error| {
            let SocketError::Arguments { event, .. } = error else { panic!("{error}") };
            journal.note(format!("bad {event}"));
            async {}
        });
    })
    .await;
    let invalid = json!([{"error": "invalid arguments"}]);
    for args in [json!(["text"]), json!([256]), json!([-1]), json!([null]), json!([]), json!([[1]])] {
        assert_eq!(ann.request("number", args).await, invalid);
        journal.expect("bad number").await;
    }
    assert_eq!(ann.request("pair", json!([1])).await, invalid);
    journal.expect("bad pair").await;
    assert_eq!(ann.request("pair", json!([1, 2])).await, json!([3]));
    ann.emit("number", json!(["without an ack"])).await;
    journal.expect("bad number").await;
    assert_eq!(ann.request("number", json!([255])).await, json!([255]));
    assert_eq!(server.io.stats().invalid_arguments, 8);
}

#[tokio::test]
async fn arguments_that_are_only_passed_on_stay_byte_for_byte() {
    let (_server, mut ann, _) = scene(|socket, _| async move {
        socket.on("echo", |socket: Socket, args: Args| async move { socket.emit("echo", args) });
        socket.on("ask", |args: Args, ack: Ack| async move { ack.send(args) });
        socket.on("all", |socket: Socket, args: Args| async move { socket.namespace().emit("echo", args) });
    })
    .await;
    let args = r#"1e400,"\ud800",123456789012345678901234567890,1.0,{"b":1,"a":2,"b":3},"é\u00e9\/""#;
    for event in ["echo", "all"] {
        ann.raw(format!(r#"42["{event}",{args}]"#)).await;
        assert_eq!(ann.packet().await.json, format!(r#"["echo",{args}]"#));
    }
    ann.raw(format!(r#"427["ask",{args}]"#)).await;
    let answer = ann.packet().await;
    assert_eq!((answer.id, answer.json), (Some(7), format!("[{args}]")));
}

#[tokio::test]
async fn bytes_travel_as_attachments_both_ways() {
    let (_server, mut ann, _) = scene(|socket, _| async move {
        socket.on("reverse", |socket: Socket, Data(bytes): Data<Binary>| async move {
            let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
            socket.emit("reversed", (json!({"length": reversed.len()}), Binary::from(reversed)))
        });
        socket.on("echo", |args: Args, ack: Ack| async move { ack.send(args) });
    })
    .await;
    ann.raw(r#"451-["reverse",{"_placeholder":true,"num":0}]"#).await;
    ann.raw_bytes(&[1, 2, 3]).await;
    let packet = ann.packet().await;
    assert_eq!(packet.event().1, json!([{"length": 3}, {"_placeholder": true, "num": 0}]));
    assert_eq!(packet.attachments, [vec![3, 2, 1]]);
    ann.raw(r#"452-9["echo",[{"_placeholder":true,"num":1}],{"_placeholder":true,"num":0}]"#).await;
    ann.raw_bytes(b"first").await;
    ann.raw_bytes(b"second").await;
    let packet = ann.packet().await;
    assert_eq!((packet.kind, packet.id), ('6', Some(9)));
    assert_eq!(packet.attachments, [&b"first"[..], b"second"]);
}

#[tokio::test]
async fn an_acknowledgement_counts_once() {
    let (_server, mut ann, journal) = scene(|socket, _| async move {
        socket.on("ask", |ack: Ack, socket: Socket, log: State<Journal>| async move {
            log.note(ack.is_expected());
            let copy = ack.clone();
            ack.send(("first", 1)).unwrap();
            copy.send("second").unwrap();
            log.note(copy.is_expected());
            socket.emit("after", ()).unwrap();
        });
        socket.on("empty", |ack: Ack| async move { ack.send(()) });
    })
    .await;
    assert_eq!(ann.request("ask", json!([])).await, json!(["first", 1]));
    ann.expect("after").await;
    journal.expect("true").await;
    journal.expect("false").await;
    ann.emit("ask", json!([])).await;
    ann.expect("after").await;
    journal.expect("false").await;
    assert_eq!(ann.request("empty", json!([])).await, json!([]));
}

#[tokio::test]
async fn an_acknowledgement_can_be_given_later_and_from_another_thread() {
    let (_server, mut ann, _) = scene(|socket, _| async move {
        socket.on("ask", |ack: Ack, Data(number): Data<u32>| async move {
            std::thread::spawn(move || ack.send(number * 2).unwrap());
        });
    })
    .await;
    assert_eq!(ann.request("ask", json!([21])).await, json!([42]));
}

struct Missing;

#[tokio::test]
async fn state_is_shared_by_all_handlers_and_a_missing_one_is_an_error_of_the_event() {
    let (_server, mut ann, journal) = scene(|socket, journal| async move {
        socket.on("missing", async |_: State<Missing>| -> () { unreachable!("there is no such state") });
        socket.on_error(move |error| {
            journal.note(error);
            async {}
        });
    })
    .await;
    assert_eq!(ann.request("missing", json!([])).await, json!([{"error": "invalid arguments"}]));
    assert!(journal.next().await.contains("Missing"));
}

#[tokio::test]
async fn handlers_come_and_go() {
    let (server, mut ann, journal) = scene(|socket, _| async move {
        let fence = |socket: Socket, ack: Ack| async move {
            socket.off("always");
            socket.off_any();
            ack.send(())
        };
        socket.on("always", |log: State<Journal>| async move { log.note("always, first") });
        socket.once("always", |log: State<Journal>| async move { log.note("once") });
        socket.on("always", |log: State<Journal>| async move { log.note("always, second") });
        socket.on_any(|EventName(name): EventName, args: Args, log: State<Journal>| async move {
            log.note(format!("any {name} {}", args.json()));
        });
        socket.on("stop", fence);
    })
    .await;
    for _ in 0..2 {
        ann.emit("always", json!([1, "a"])).await;
    }
    ann.request("stop", json!([])).await;
    ann.emit("always", json!([])).await;
    ann.request("stop", json!([])).await;
    let seen = journal.rest();
    let first = [r#"any always 1,"a""#, "always, first", "once", "always, second"];
    let second = [r#"any always 1,"a""#, "always, first", "always, second", "any stop "];
    assert_eq!(seen, [first, second].concat());
    assert_eq!(server.io.stats().unknown_events, 1);
}

#[tokio::test]
async fn a_middleware_of_the_socket_keeps_events_from_their_handlers() {
    let (server, mut ann, journal) = scene(|socket, journal| async move {
        let first = journal.clone();
        socket.use_middleware(move |event| {
            first.note(format!("first {}", event.name));
            async move {
                tokio::task::yield_now().await;
                let refused = &*event.name == "forbidden";
                if refused { Err(EventRefused::new("not you")) } else { Ok(()) }
            }
        });
        let second = journal.clone();
        socket.use_middleware(move |event| {
            second.note(format!("second {} {}", event.name, event.args.json()));
            async { Ok(()) }
        });
        socket.on("allowed", |log: State<Journal>, ack: Ack| async move {
            log.note("handler");
            ack.send("done")
        });
        socket.on("forbidden", |log: State<Journal>| async move { log.note("never") });
        socket.on_error(move |error| {
            journal.note(error);
            async {}
        });
    })
    .await;
    assert_eq!(ann.request("allowed", json!([1])).await, json!(["done"]));
    assert_eq!(journal.rest(), ["first allowed", "second allowed 1", "handler"]);
    ann.emit("forbidden", json!([])).await;
    journal.expect("first forbidden").await;
    journal.expect(r#"event "forbidden" refused: not you"#).await;
    assert_eq!(ann.request("allowed", json!([])).await, json!(["done"]));
    assert_eq!(server.io.stats().failed_events, 1);
}

#[tokio::test]
async fn an_error_that_a_handler_returns_reaches_on_error() {
    let (server, mut ann, journal) = scene(|socket, journal| async move {
        socket.on("fail", |Data(later): Data<bool>| async move {
            if later {
                tokio::task::yield_now().await;
            }
            Err::<(), _>(format!("later: {later}"))
        });
        socket.on_error(move |error| {
            let SocketError::Handler { event, message } = error else { panic!("{error}") };
            journal.note(format!("{event} {message}"));
            // It goes nowhere, least of all round in circles.
            async { Err::<(), _>("an error about an error") }
        });
    })
    .await;
    ann.emit("fail", json!([false])).await;
    journal.expect("fail later: false").await;
    ann.emit("fail", json!([true])).await;
    journal.expect("fail later: true").await;
    assert_eq!(server.io.stats().failed_events, 2);
}

#[tokio::test]
async fn handlers_begin_in_the_order_of_arrival_and_do_not_wait_for_each_other() {
    let (_server, mut ann, journal) = scene(|socket, _| async move {
        socket.on("step", |Data(number): Data<u32>, log: State<Journal>| async move {
            log.note(format!("begin {number}"));
            std::future::pending::<()>().await;
        });
        socket.on("done", |ack: Ack| async move { ack.send(()) });
    })
    .await;
    for number in 0..50 {
        ann.emit("step", json!([number])).await;
    }
    ann.request("done", json!([])).await;
    let expected: Vec<_> = (0..50).map(|number| format!("begin {number}")).collect();
    assert_eq!(journal.rest(), expected);
}

#[tokio::test]
async fn a_client_is_told_of_its_connection_before_anything_its_handler_emits() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket, namespace: Namespace| async move {
        socket.emit("hello", socket.id().to_owned()).unwrap();
        namespace.emit("somebody came", ()).unwrap();
    });
    for _ in 0..4 {
        let mut ann = server.open().await;
        ann.ask_for("/", Value::Null).await;
        let connect = ann.packet().await;
        assert_eq!(connect.kind, '0');
        assert_eq!(ann.expect("hello").await[0], connect.value()["sid"]);
        ann.expect("somebody came").await;
    }
}

#[tokio::test]
async fn a_handshake_holds_what_the_client_said() {
    let (server, ann, _) = scene(|_, _| async {}).await;
    let sockets = server.io.fetch_sockets().await;
    let handshake = sockets[0].handshake();
    assert_eq!(sockets[0].id(), ann.id());
    assert_eq!(handshake.address(), "127.0.0.1");
    assert_eq!(handshake.query()["transport"], "websocket");
    assert_eq!(handshake.headers()["upgrade"], "websocket");
    assert!(handshake.url().starts_with("/socket.io/?EIO=4"));
    assert!(!handshake.xdomain());
    assert_eq!(handshake.secure(), Transport::of_run() == Transport::Tls);
    let all = serde_json::to_value(handshake).unwrap();
    assert_eq!(all["auth"], json!({}));
    assert_eq!(all["issued"], handshake.issued());
    assert!(serde_json::to_value(handshake.without_auth()).unwrap().get("auth").is_none());
}

#[tokio::test]
async fn names_that_belong_to_the_protocol_are_not_emitted_and_too_long_ones_neither() {
    let server = Server::start();
    let reserved = ["connect", "connect_error", "disconnect", "disconnecting"];
    for name in reserved {
        assert_eq!(server.io.emit(name, ()), Err(EmitError::ReservedName(name.to_owned())));
        let asked = server.io.emit_with_ack(name, ()).await.unwrap_err();
        assert!(matches!(asked.cause, AckError::Emit(EmitError::ReservedName(_))));
    }
    assert_eq!(server.io.emit(&"x".repeat(256), ()), Err(EmitError::NameTooLong(255)));
    assert_eq!(server.io.emit(&"x".repeat(255), ()), Ok(()));
}

#[derive(Default)]
struct Unencodable;

impl serde::Serialize for Unencodable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no form"))
    }
}

#[tokio::test]
async fn data_without_a_json_form_is_an_error_of_the_caller() {
    let server = Server::start();
    let mut ann = server.client().await;
    assert!(matches!(server.io.emit("bad", Unencodable), Err(EmitError::Encode(_))));
    server.io.emit("good", f64::NAN).unwrap();
    assert_eq!(ann.expect("good").await, json!([null]));
}

#[tokio::test]
async fn a_socket_carries_data_for_others_and_values_for_this_process() {
    struct Likes(u32);
    let (server, mut ann, _) = scene(|socket, _| async move {
        socket.insert_extension(Likes(1));
        socket.insert_extension(Likes(2));
        socket.set_data(&json!({"name": "Ann"})).unwrap();
        socket.on("who", |socket: Socket, ack: Ack| async move {
            let data: Value = socket.data().unwrap();
            let likes = socket.extension::<Likes>().unwrap().0;
            ack.send((data, likes, socket.extension::<String>().is_none()))
        });
    })
    .await;
    assert_eq!(ann.request("who", json!([])).await, json!([{"name": "Ann"}, 2, true]));
    let sockets = server.io.fetch_sockets().await;
    assert_eq!(sockets[0].data::<Value>().unwrap(), json!({"name": "Ann"}));
}

/// The value's end is code of the user's; it must be able to use the socket it was attached to.
#[tokio::test]
async fn a_value_that_is_replaced_may_use_its_socket_as_it_goes() {
    struct Farewell(Socket);
    impl Drop for Farewell {
        fn drop(&mut self) {
            let rooms = self.0.rooms().len();
            self.0.emit("farewell", rooms).unwrap();
        }
    }
    let (_server, mut ann, _) = scene(|socket, _| async move {
        socket.on("replace", |socket: Socket, ack: Ack| async move {
            socket.insert_extension(Farewell(socket.clone()));
            ack.send(())
        });
    })
    .await;
    ann.request("replace", json!([])).await;
    ann.request("replace", json!([])).await;
    assert_eq!(ann.expect("farewell").await, json!([1]));
}
