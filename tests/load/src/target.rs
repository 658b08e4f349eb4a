//! Where clients connect to, and from where.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

use crate::failure::Failure;

/// The ports that clients of an address of their own come from.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 55_000;

/// The servers, and the addresses on this machine that clients use in turn.
pub struct Target {
    servers: Vec<SocketAddr>,
    /// Empty: the kernel chooses address and port, and has about 28,000 ports for one server.
    sources: Vec<Source>,
}

struct Source {
    address: IpAddr,
    /// Which port to try next. The kernel could choose, but takes a millisecond for it once half of its ports are in use.
    next: u16,
}

impl Target {
    /// Checks that all are this machine's: load is aimed at nobody else.
    pub fn new(urls: &[String], sources: &[IpAddr]) -> Result<Self, Failure> {
        if let Some(source) = sources.iter().find(|source| !source.is_loopback()) {
            return Err(Failure::Address(format!("{source}: clients come from loopback addresses only")));
        }
        let servers = urls.iter().map(|url| loopback(url)).collect::<Result<_, _>>()?;
        // Several generators on one address do not begin at one port.
        let next = (std::process::id() % u32::from(PORTS / 1_000)) as u16 * 1_000;
        let sources = sources.iter().map(|address| Source { address: *address, next }).collect();
        Ok(Self { servers, sources })
    }

    /// How many servers there are.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Begins to connect the client with this index to one of the servers.
    pub fn connect(&mut self, client: usize, server: usize) -> io::Result<(TcpStream, SocketAddr)> {
        let address = self.servers[server];
        let place = client % self.sources.len().max(1);
        let stream = match self.sources.get_mut(place) {
            None => TcpStream::connect(address)?,
            Some(source) => source.connect(address)?,
        };
        // As browsers and Node do: an event is sent when it is emitted.
        stream.set_nodelay(true)?;
        Ok((stream, address))
    }
}

impl Source {
    fn connect(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // Ports of the run before, which the kernel keeps for a minute, can be used for other servers.
        socket.set_reuse_address(true)?;
        self.bind(&socket)?;
        match socket.connect(&server.into()) {
            Err(error)
                if error.raw_os_error() != Some(IN_PROGRESS) && error.kind() != io::ErrorKind::WouldBlock =>
            {
                Err(error)
            }
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }

    /// Binds to the next port that nobody has.
    fn bind(&mut self, socket: &Socket) -> io::Result<()> {
        for _ in 0..PORTS {
            let port = FIRST_PORT + self.next;
            self.next = (self.next + 1) % PORTS;
            match socket.bind(&SocketAddr::new(self.address, port).into()) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

/// Linux's EINPROGRESS: the poll says when the connection is there.
const IN_PROGRESS: i32 = 115;

fn loopback(url: &str) -> Result<SocketAddr, Failure> {
    let refused = |why: &str| Failure::Address(format!("{url}: {why}"));
    let host = url.strip_prefix("http://").ok_or_else(|| refused("only http:// is driven"))?;
    let address = host
        .trim_end_matches('/')
        .to_socket_addrs()
        .map_err(|error| refused(&error.to_string()))?
        .next()
        .ok_or_else(|| refused("no address"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err(refused("only loopback addresses are driven")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_driven() {
        let target = |url: &str, source: &str| Target::new(&[url.to_owned()], &[source.parse().unwrap()]);
        assert_eq!(target("http://127.0.0.1:3000/", "127.0.0.9").unwrap().servers(), 1);
        assert!(target("http://192.0.2.1:3000", "127.0.0.9").is_err());
        assert!(target("http://127.0.0.1:3000", "192.0.2.1").is_err());
        assert!(target("https://127.0.0.1:3000", "127.0.0.9").is_err());
    }

    #[test]
    fn a_client_comes_from_the_address_it_was_given() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sources = ["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()];
        let mut target = Target::new(&[url], &sources).unwrap();
        let _clients = [target.connect(0, 0).unwrap(), target.connect(1, 0).unwrap()];
        let from = [listener.accept().unwrap().1.ip(), listener.accept().unwrap().1.ip()];
        assert_eq!(from, sources);
    }
}
