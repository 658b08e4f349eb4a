//! A small generator with a seed, so that a failure can be repeated.

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn bytes(&mut self, below: usize) -> Vec<u8> {
        let length = self.below(below);
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// Text with characters of one to four bytes and all that JSON escapes.
    pub fn text(&mut self, below: usize) -> String {
        let length = self.below(below);
        (0..length)
            .map(|_| match self.below(8) {
                0 => char::from(self.below(0x20) as u8),
                1 => ['"', '\\', '/', '\u{7f}'][self.below(4)],
                2 => ['é', '漢', '😀', '\u{2028}'][self.below(4)],
                _ => char::from(b' ' + self.below(95) as u8),
            })
            .collect()
    }

    /// A JSON value.
    pub fn json(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => "null".into(),
            1 => self.pick(&["true", "false"]).into(),
            2 => self.pick(&["0", "-0", "1e400", "-12.5E-3", "123456789012345678901234567890"]).into(),
            3 => self.pick(&[r#""\ud800""#, r#""\u0000\/\b""#, r#""""#, r#"",]}""#]).into(),
            4 => serde_json::to_string(&self.text(12)).unwrap(),
            5 => {
                let items: Vec<_> = (0..self.below(4)).map(|_| self.json(depth - 1)).collect();
                format!("[{}]", items.join(self.pick(&[",", " , ", ",\n"])))
            }
            _ => {
                let items: Vec<_> = (0..self.below(4))
                    .map(|_| {
                        format!("{}: {}", serde_json::to_string(&self.text(6)).unwrap(), self.json(depth - 1))
                    })
                    .collect();
                format!("{{{}}}", items.join(","))
            }
        }
    }
}
