//! WebSocket frames (RFC 6455, 5.2), right and wrong ones.

/// The key of ordinary frames. Not zero, so that a server which forgets to unmask is noticed.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One WebSocket frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether the message ends here.
    pub fin: bool,
    /// The three reserved bits, as a number of 0 to 7.
    pub reserved: u8,
    /// 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    pub opcode: u8,
    /// The unmasked payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A final frame with this opcode.
    pub fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { fin: true, reserved: 0, opcode, payload: payload.into() }
    }

    /// A whole text message.
    pub fn text(text: &str) -> Self {
        Self::new(1, text)
    }

    /// A whole binary message.
    pub fn binary(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(2, bytes)
    }

    /// A close frame with a status code.
    pub fn close(code: u16, reason: &str) -> Self {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        Self::new(8, payload)
    }

    /// The same frame, to be continued.
    pub fn unfinished(mut self) -> Self {
        self.fin = false;
        self
    }

    /// The same frame with reserved bits.
    pub fn with_reserved(mut self, bits: u8) -> Self {
        self.reserved = bits;
        self
    }

    /// The bytes that a client sends.
    pub fn masked(&self) -> Vec<u8> {
        let mut bytes = self.head(0x80);
        bytes.extend_from_slice(&KEY);
        // Eight at a time: without optimisation a megabyte takes long enough to miss a heartbeat.
        let (eights, rest) = self.payload.as_chunks::<8>();
        let key = u64::from_ne_bytes([KEY, KEY].concat().try_into().expect("twice four are eight"));
        bytes.reserve(self.payload.len());
        for eight in eights {
            bytes.extend_from_slice(&(u64::from_ne_bytes(*eight) ^ key).to_ne_bytes());
        }
        bytes.extend(rest.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    /// The bytes that only a server may send.
    pub fn unmasked(&self) -> Vec<u8> {
        let mut bytes = self.head(0);
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    fn head(&self, mask_bit: u8) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.fin) << 7 | self.reserved << 4 | self.opcode];
        let length = self.payload.len();
        if length < 126 {
            bytes.push(mask_bit | length as u8);
        } else if let Ok(length) = u16::try_from(length) {
            bytes.push(mask_bit | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        } else {
            bytes.push(mask_bit | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
        bytes
    }

    /// The first frame in what a server sent, and its size; `None` while it is incomplete.
    ///
    /// # Panics
    /// If the server masked its frame, which no server may do (RFC 6455, 5.1).
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        assert!(second & 0x80 == 0, "the server sent a masked frame");
        let (length, rest, head) = match second {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest, 4)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest, 10)
            }
            short => (u64::from(short), rest, 2),
        };
        let length = usize::try_from(length).expect("the server announced a frame that fits in memory");
        let payload = rest.get(..length)?.to_vec();
        let frame = Self { fin: first & 0x80 != 0, reserved: first >> 4 & 7, opcode: first & 15, payload };
        Some((frame, head + length))
    }
}

/// Bytes from hexadecimal digits; white space is skipped.
///
/// # Panics
/// At anything that is not a pair of digits.
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_form_survive_the_way_there_and_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = Frame::binary(vec![7; length]);
            let bytes = frame.unmasked();
            assert_eq!(Frame::parse(&bytes), Some((frame, bytes.len())));
            assert_eq!(Frame::parse(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn a_client_frame_carries_its_key_and_a_changed_payload() {
        assert_eq!(Frame::text("Hello").masked(), from_hex("81 85 37fa213d 7f9f4d5158"));
        let long = Frame::text("HelloHelloHello").masked();
        assert_eq!(long, from_hex("81 8f 37fa213d 7f9f4d51 58b24451 5b956958 5b964e"));
    }
}
