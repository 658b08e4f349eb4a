//! Whether events of many senders reach each receiver in the order in which they were sent.

use std::collections::HashMap;

/// The number expected next for each pair of receiver and sender that had an event.
#[derive(Default)]
pub struct Order {
    next: HashMap<(u32, u32), u64>,
    disorders: u64,
}

impl Order {
    /// Receiver `to` has got number `number` of sender `from`. Numbers left out are no disorder: not all events go to all.
    pub fn received(&mut self, to: usize, from: usize, number: u64) {
        let next = self.next.entry((to as u32, from as u32)).or_default();
        // Only what comes too late counts, not what overtook it: one swap is one disorder.
        self.disorders += u64::from(number < *next);
        *next = (*next).max(number + 1);
    }

    /// Events that came after a later one of the same sender, or twice.
    pub fn disorders(&self) -> u64 {
        self.disorders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_and_a_repetition_are_one_disorder_each() {
        let mut order = Order::default();
        for number in [0, 2, 1, 5] {
            order.received(1, 9, number);
        }
        assert_eq!(order.disorders(), 1);
        order.received(1, 9, 5);
        assert_eq!(order.disorders(), 2);
    }

    #[test]
    fn senders_and_receivers_have_orders_of_their_own() {
        let mut order = Order::default();
        order.received(1, 9, 5);
        order.received(2, 9, 3);
        order.received(1, 8, 1);
        assert_eq!(order.disorders(), 0);
    }
}
