//! A node in this process: two worker threads, a port bound beforehand, gone with its handle.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System};
use natter::{Ack, ClusterStats, Data, Io, IoBuilder, JoinError, Namespace, Socket};
use serde_json::{Value, json};

use super::{Client, eventually, is, soon};

pub struct Node {
    pub io: Io,
    address: SocketAddr,
    handle: ServerHandle,
    sockets: Sockets,
}

/// Every socket that has ever connected to the node, by its id.
type Sockets = Arc<Mutex<HashMap<String, Socket>>>;

impl Node {
    /// Serves at once; whether it is a member is another matter. Its clients can say in `/` what the testbed's profile
    /// `load` understands of `join`, `leave`, and besides `data` (a value for [`Socket::set_data`]).
    pub fn start(builder: IoBuilder) -> Self {
        let io = builder.build();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let (send, receive) = mpsc::channel();
        let routes = io.clone();
        thread::spawn(move || {
            let server = HttpServer::new(move || App::new().configure(routes.routes()))
                .workers(2)
                .h1_allow_half_closed(false)
                .disable_signals()
                .listen(listener)
                .expect("the listener is good");
            System::new().block_on(async move {
                let running = server.run();
                send.send(running.handle()).expect("the test waits for it");
                running.await.expect("the server runs");
            });
        });
        let handle = receive.recv().expect("the server starts");
        let node = Self { io, address, handle, sockets: Sockets::default() };
        node.open("/");
        node
    }

    /// Lets clients into a namespace.
    pub fn open(&self, namespace: &str) -> Namespace {
        let namespace = self.io.of(namespace);
        namespace.on_connect(self.connected());
        namespace
    }

    /// What happens to a socket that connects, wherever.
    pub fn connected(
        &self,
    ) -> impl Fn(Socket) -> std::future::Ready<()> + Clone + Send + Sync + 'static + use<> {
        let sockets = self.sockets.clone();
        move |socket: Socket| {
            socket.on("join", join);
            socket.on("leave", leave);
            socket.on("data", data);
            sockets.lock().expect("no handler has panicked").insert(socket.id().to_owned(), socket);
            std::future::ready(())
        }
    }

    /// Resolves when it is a member.
    pub async fn joined(&self) {
        let view = self.view();
        soon("the node to join", view.joined()).await.expect("nobody has its name");
    }

    pub fn view(&self) -> natter::ClusterView {
        self.io.cluster().expect("it has a cluster")
    }

    pub fn name(&self) -> &str {
        self.io.node_name()
    }

    /// The counters of its link.
    pub fn link(&self) -> ClusterStats {
        self.view().stats()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket of a client of this node.
    pub fn socket(&self, client: &Client) -> Socket {
        self.sockets
            .lock()
            .expect("no handler has panicked")
            .get(client.id())
            .expect("a client of this node")
            .clone()
    }

    /// A client in `/`.
    pub async fn connect(&self) -> Client {
        self.connect_to("/").await
    }

    /// A client in a namespace.
    pub async fn connect_to(&self, namespace: &str) -> Client {
        self.connect_with(namespace, Value::Null).await
    }

    /// A client in a namespace, with an auth payload. Its handler has run when this returns.
    pub async fn connect_with(&self, namespace: &str, auth: Value) -> Client {
        let client = Client::connect(self.address, namespace, auth).await;
        let known = || {
            let known = self.sockets.lock().expect("no handler has panicked").contains_key(client.id());
            is(known, true)
        };
        eventually("the handler of a client that has connected", known).await;
        client
    }

    /// A client in `/` that has joined a room.
    pub async fn member_of(&self, room: &str) -> Client {
        let mut client = self.connect().await;
        client.join(room).await;
        client
    }

    /// Sends that client an event, which has to be the next that it hears: nothing else has come from this node.
    pub async fn nothing_else_came_to(&self, client: &mut Client) {
        self.io.to(client.id().to_owned()).emit("nothing else", ()).expect("there is room");
        client.expect("nothing else").await;
    }

    /// All that it shows of itself.
    pub fn shows(&self) -> String {
        let state = self.view().state().borrow().clone();
        let shown = json!({ "link": self.link(), "nodes": self.view().nodes(), "server": self.io.stats() });
        format!("{} is {state:?}: {shown}", self.name())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.sockets.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        // The order is on its way when this returns.
        drop(self.handle.stop(false));
    }
}

async fn join(socket: Socket, Data(room): Data<String>, ack: Ack) -> Result<(), JoinError> {
    socket.join(room).await?;
    ack.send(()).expect("nothing has a JSON form");
    Ok(())
}

async fn leave(socket: Socket, Data(room): Data<String>, ack: Ack) {
    socket.leave(room);
    ack.send(()).expect("nothing has a JSON form");
}

async fn data(socket: Socket, Data(data): Data<Value>, ack: Ack) {
    socket.set_data(&data).expect("a JSON value has a JSON form");
    ack.send(()).expect("nothing has a JSON form");
}
