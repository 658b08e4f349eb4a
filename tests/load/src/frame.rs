//! WebSocket frames as a client sees them (RFC 6455, section 5): masked out, unmasked in.
//!
//! The reader keeps only the beginning of a message. What a scenario wants to know (packet type, event name,
//! number, time) stands there, so a client that receives megabytes still owns a few bytes.

/// How much of a message is kept for the scenario when it does not arrive in one read.
const HEAD: usize = 160;

/// A text frame's opcode.
pub const TEXT: u8 = 1;
/// A close frame's opcode.
pub const CLOSE: u8 = 8;
/// A ping frame's opcode.
pub const PING: u8 = 9;
/// A pong frame's opcode.
pub const PONG: u8 = 10;

/// One whole frame from the server.
pub struct Frame<'a> {
    /// What kind of frame it is.
    pub opcode: u8,
    /// False for a fragment that others follow.
    pub fin: bool,
    /// At least the first `HEAD` bytes of the payload, or all of it when it is shorter.
    pub head: &'a [u8],
}

/// Cuts a stream of bytes into frames, however the reads fall.
#[derive(Default)]
pub struct FrameReader {
    /// The bytes of a header that has not fully arrived.
    header: Vec<u8>,
    /// Set while a payload is arriving.
    partial: Option<Partial>,
}

struct Partial {
    opcode: u8,
    fin: bool,
    missing: usize,
    head: Vec<u8>,
}

struct Header {
    opcode: u8,
    fin: bool,
    length: usize,
    /// Bytes that the header itself takes.
    size: usize,
}

impl FrameReader {
    /// Hands every frame that is complete after `bytes` to `sink`, in order.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        while !bytes.is_empty() {
            if let Some(partial) = &mut self.partial {
                let (now, rest) = bytes.split_at(partial.missing.min(bytes.len()));
                let wanted = HEAD.saturating_sub(partial.head.len()).min(now.len());
                partial.head.extend_from_slice(&now[..wanted]);
                partial.missing -= now.len();
                bytes = rest;
                if partial.missing == 0 {
                    sink(Frame { opcode: partial.opcode, fin: partial.fin, head: &partial.head });
                    self.partial = None;
                }
            } else if self.header.is_empty() {
                match parse_header(bytes) {
                    Some(header) => bytes = self.take_payload(header, bytes, sink),
                    None => {
                        self.header.extend_from_slice(bytes);
                        return;
                    }
                }
            } else {
                // A header was cut: go on one byte at a time. It has at most ten.
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                if let Some(header) = parse_header(&self.header) {
                    self.header = Vec::new();
                    self.begin(header, sink);
                }
            }
        }
    }

    fn take_payload<'a>(
        &mut self,
        header: Header,
        bytes: &'a [u8],
        sink: &mut impl FnMut(Frame<'_>),
    ) -> &'a [u8] {
        let body = &bytes[header.size..];
        if body.len() < header.length {
            self.begin(header, sink);
            return body;
        }
        let (payload, rest) = body.split_at(header.length);
        sink(Frame { opcode: header.opcode, fin: header.fin, head: payload });
        rest
    }

    fn begin(&mut self, header: Header, sink: &mut impl FnMut(Frame<'_>)) {
        if header.length == 0 {
            sink(Frame { opcode: header.opcode, fin: header.fin, head: &[] });
            return;
        }
        let head = Vec::with_capacity(header.length.min(HEAD));
        self.partial = Some(Partial { opcode: header.opcode, fin: header.fin, missing: header.length, head });
    }
}

fn parse_header(bytes: &[u8]) -> Option<Header> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (length, size) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 4),
        127 => {
            let wide: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (usize::try_from(u64::from_be_bytes(wide)).unwrap_or(usize::MAX), 10)
        }
        short => (usize::from(short), 2),
    };
    Some(Header { opcode: first & 0x0f, fin: first & 0x80 != 0, length, size })
}

/// Appends one masked frame to `out`.
///
/// The key is the same each time: masking protects proxies from hostile pages, and there is neither here. It is
/// not zero, so the server has the same work as with a browser.
pub fn write_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const KEY: [u8; 4] = [0x5a, 0xc3, 0x17, 0x9e];
    out.push(0x80 | opcode);
    if payload.len() < 126 {
        out.push(0x80 | payload.len() as u8);
    } else if let Ok(length) = u16::try_from(payload.len()) {
        out.push(0x80 | 126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(0x80 | 127);
        out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    out.extend_from_slice(&KEY);
    out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x80 | TEXT];
        if payload.len() < 126 {
            frame.push(payload.len() as u8);
        } else {
            frame.push(126);
            frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        }
        frame.extend_from_slice(payload);
        frame
    }

    fn read_in_pieces(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let mut reader = FrameReader::default();
        let mut seen = Vec::new();
        for part in stream.chunks(piece) {
            reader.feed(part, &mut |frame| seen.push(frame.head[..frame.head.len().min(HEAD)].to_vec()));
        }
        seen
    }

    #[test]
    fn frames_are_the_same_however_the_reads_fall() {
        let long = vec![b'x'; 1_000];
        let mut stream = server_frame(b"2");
        stream.extend(server_frame(b""));
        stream.extend(server_frame(&long));
        stream.extend(server_frame(b"42[\"b\",\"0\"]"));
        let whole = read_in_pieces(&stream, stream.len());
        assert_eq!(whole.len(), 4);
        for piece in 1..20 {
            assert_eq!(read_in_pieces(&stream, piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn a_masked_frame_unmasks_to_its_payload() {
        for size in [0, 5, 125, 126, 70_000] {
            let payload = vec![b'p'; size];
            let mut out = Vec::new();
            write_masked(&mut out, TEXT, &payload);
            let header = parse_header(&out).unwrap();
            assert_eq!(header.length, size);
            let key = &out[header.size..header.size + 4];
            let plain: Vec<u8> =
                out[header.size + 4..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(plain, payload);
        }
    }
}
