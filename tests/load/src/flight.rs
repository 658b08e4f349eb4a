//! Which broadcasts are under way, and whether each client sees all of them once and in order.

use std::collections::VecDeque;

/// The books of a broadcast run.
pub struct Flight {
    /// One more than the highest number that each client has seen.
    expected: Vec<u64>,
    /// For each broadcast under way, oldest first, how many clients have it.
    arrived: VecDeque<usize>,
    /// The number of the oldest broadcast under way.
    oldest: u64,
    disorders: u64,
}

impl Flight {
    /// Nothing sent yet to `clients` clients.
    pub fn new(clients: usize) -> Self {
        Self { expected: vec![0; clients], arrived: VecDeque::new(), oldest: 0, disorders: 0 }
    }

    /// How many broadcasts not all clients have.
    pub fn under_way(&self) -> usize {
        self.arrived.len()
    }

    /// The number of the next broadcast; it counts as under way from now on.
    pub fn next(&mut self) -> u64 {
        self.arrived.push_back(0);
        self.oldest + self.arrived.len() as u64 - 1
    }

    /// A client has received the broadcast with this number.
    pub fn received(&mut self, client: usize, number: u64) {
        // Only the one that comes too late counts, not those that overtook it: one swap is one disorder.
        if number < self.expected[client] {
            self.disorders += 1;
        }
        self.expected[client] = self.expected[client].max(number + 1);
        let place = number.checked_sub(self.oldest).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.arrived.get_mut(place)) {
            Some(count) => *count += 1,
            // All had it already, or nobody sent it.
            None => self.disorders += 1,
        }
        while self.arrived.front() == Some(&self.expected.len()) {
            self.arrived.pop_front();
            self.oldest += 1;
        }
    }

    /// Numbers that came after a higher one, twice, or unasked.
    pub fn disorders(&self) -> u64 {
        self.disorders
    }

    /// Deliveries of the broadcasts under way that have not come.
    pub fn missing(&self) -> u64 {
        self.arrived.iter().map(|count| (self.expected.len() - count) as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_is_done_when_all_clients_have_it() {
        let mut flight = Flight::new(2);
        assert_eq!((flight.next(), flight.next()), (0, 1));
        flight.received(0, 0);
        flight.received(0, 1);
        assert_eq!((flight.under_way(), flight.missing()), (2, 2));
        flight.received(1, 0);
        assert_eq!((flight.under_way(), flight.missing()), (1, 1));
        flight.received(1, 1);
        assert_eq!((flight.under_way(), flight.missing(), flight.disorders()), (0, 0, 0));
        assert_eq!(flight.next(), 2);
    }

    #[test]
    fn swapped_repeated_and_unknown_numbers_are_counted() {
        let mut flight = Flight::new(1);
        flight.next();
        flight.next();
        flight.received(0, 1);
        flight.received(0, 0);
        assert_eq!(flight.disorders(), 1, "0 came late");
        flight.received(0, 1);
        assert_eq!(flight.disorders(), 3, "1 came twice, the second time when all had it");
        flight.received(0, 9);
        assert_eq!(flight.disorders(), 4, "nobody sent 9");
    }
}
