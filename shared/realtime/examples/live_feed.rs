//! A live feed of prices: one room for each symbol, a snapshot when a client joins, volatile ticks from then on.
//!
//! Run it with
//!
//! ```sh
//! cargo run -p natter --example live_feed
//! ```
//!
//! and watch it from a page or from Node with `socket.io-client`:
//!
//! ```js
//! const socket = io("http://localhost:3000");
//! socket.on("tick", ({ symbol, price, number }) => console.log(symbol, price, number));
//!
//! const snapshot = await socket.emitWithAck("watch", "TEA"); // { symbol, price, number }
//! socket.emit("unwatch", "TEA");
//! ```
//!
//! A tick that a client is too slow for is dropped, not queued: the next one says all there is to know. `number`
//! counts the ticks of a symbol, so a client can see what it missed.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{App, HttpServer};
use natter::{Ack, Cors, Data, Io, Socket, State};
use serde::Serialize;
use serde_json::json;

#[derive(Clone, Serialize)]
struct Quote {
    symbol: &'static str,
    price: u32,
    number: u32,
}

/// The latest quote of every symbol, shared by the market's task and all handlers.
#[derive(Clone)]
struct Market(Arc<Mutex<BTreeMap<&'static str, Quote>>>);

impl Market {
    fn opening() -> Self {
        let opening = [("COFFEE", 410), ("MILK", 95), ("TEA", 230)];
        let quotes = opening.map(|(symbol, price)| (symbol, Quote { symbol, price, number: 0 }));
        Self(Arc::new(Mutex::new(BTreeMap::from(quotes))))
    }

    fn quote(&self, symbol: &str) -> Option<Quote> {
        self.quotes().get(symbol).cloned()
    }

    /// Moves every price a little and returns all of them. A real feed would read them from somewhere.
    fn tick(&self) -> Vec<Quote> {
        let mut quotes = self.quotes();
        for quote in quotes.values_mut() {
            quote.number += 1;
            quote.price = (quote.price + quote.number * 7 % 5).saturating_sub(2).max(1);
        }
        quotes.values().cloned().collect()
    }

    /// A quote is whole at every moment, so the map is good even after a panic elsewhere.
    fn quotes(&self) -> MutexGuard<'_, BTreeMap<&'static str, Quote>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Outcome = Result<(), Box<dyn Error>>;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let market = Market::opening();
    let io = Io::builder().cors(Cors::any()).state(market.clone()).build();
    io.on_connect(|socket: Socket| async move {
        socket.on("watch", watch);
        socket.on("unwatch", unwatch);
    });

    actix_web::rt::spawn(publish(io.clone(), market));
    HttpServer::new(move || App::new().configure(io.routes())).bind(("127.0.0.1", 3000))?.run().await
}

/// Sends each symbol's ticks to its own room, from a task that belongs to no client.
async fn publish(io: Io, market: Market) {
    let mut clock = actix_web::rt::time::interval(Duration::from_millis(200));
    loop {
        clock.tick().await;
        for quote in market.tick() {
            // A tick that cannot be sent is a tick lost, as every volatile one may be.
            io.to(room(quote.symbol)).volatile().emit("tick", quote).ok();
        }
    }
}

/// Joins first and reads the quote afterwards: a tick in between is seen twice rather than never.
async fn watch(
    socket: Socket,
    State(market): State<Market>,
    Data(symbol): Data<String>,
    ack: Ack,
) -> Outcome {
    if market.quote(&symbol).is_none() {
        return Ok(ack.send(json!({ "error": "no such symbol" }))?);
    }
    socket.join(room(&symbol)).await?;
    Ok(ack.send(market.quote(&symbol))?)
}

async fn unwatch(socket: Socket, Data(symbol): Data<String>) {
    socket.leave(room(&symbol));
}

fn room(symbol: &str) -> String {
    format!("symbol:{symbol}")
}
