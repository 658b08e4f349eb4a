//! WebSocket frames as a server sees them: masked in, unmasked out.

use std::ops::Range;

/// Where a frame of a client lies in the bytes it was found in.
pub struct Frame {
    /// Whether it is a close frame.
    pub close: bool,
    /// Its payload, unmasked by now.
    pub payload: Range<usize>,
}

/// Finds the first frame in `bytes`, if it is all there, and unmasks it where it is.
pub fn unmask(bytes: &mut [u8]) -> Option<Frame> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, header): (u64, usize) = match second & 0x7f {
        126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        short => (short.into(), 2),
    };
    let key: [u8; 4] = bytes.get(header..header + 4)?.try_into().ok()?;
    let start = header + 4;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    let masked = bytes.get_mut(start..end)?;
    masked.iter_mut().enumerate().for_each(|(place, byte)| *byte ^= key[place % 4]);
    Some(Frame { close: first & 0x0f == 8, payload: start..end })
}

/// Makes `frame` a text frame of these parts.
pub fn text(frame: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    frame.clear();
    frame.push(0x81);
    if length < 126 {
        frame.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        frame.push(126);
        frame.extend_from_slice(&length.to_be_bytes());
    } else {
        frame.push(127);
        frame.extend_from_slice(&(length as u64).to_be_bytes());
    }
    parts.iter().for_each(|part| frame.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_unmasked_and_a_cut_one_waits() {
        let masked = [0x81, 0x82, 1, 2, 3, 4, b'4' ^ 1, b'0' ^ 2, 0x88];
        assert!((0..8).all(|cut| unmask(&mut masked[..cut].to_vec()).is_none()));
        let mut bytes = masked;
        let frame = unmask(&mut bytes).unwrap();
        assert_eq!((&bytes[frame.payload], frame.close), (b"40".as_slice(), false));
    }

    #[test]
    fn lengths_are_written_in_their_three_forms() {
        let mut frame = Vec::new();
        for (length, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            text(&mut frame, &[&vec![b'x'; length]]);
            assert_eq!(frame.len(), header + length);
        }
    }
}
