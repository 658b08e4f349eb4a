//! Looking who is in a room, once for all who want to know.
//!
//! A look asks every node. In a large room thousands may want one at the same time, after a node has gone for example:
//! of one room there is one look at a time, and whoever asks meanwhile waits for the next one, together with all others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use natter::Namespace;
use tokio::sync::oneshot;

use super::people::{self, Crowd};

/// The looks of one node.
#[derive(Debug, Clone, Default)]
pub struct Crowds(Arc<Mutex<Waiting<oneshot::Sender<Arc<Crowd>>>>>);

impl Crowds {
    /// Who is in a room, seen after this was called. None if this thread ends meanwhile.
    pub async fn of(&self, namespace: &Namespace, room: &str) -> Option<Arc<Crowd>> {
        let (tell, told) = oneshot::channel();
        if self.waiting().add(room, tell) {
            actix_web::rt::spawn(
                Looking { crowds: self.clone(), room: room.to_owned() }.look(namespace.clone()),
            );
        }
        told.await.ok()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<oneshot::Sender<Arc<Crowd>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The looks at one room, until nobody waits for another one.
struct Looking {
    crowds: Crowds,
    room: String,
}

impl Looking {
    async fn look(self, namespace: Namespace) {
        loop {
            let Some(group) = self.crowds.waiting().next(&self.room) else { return };
            let crowd = Arc::new(people::look(&namespace, &self.room).await);
            for tell in group {
                // Whoever has gone meanwhile does not want to know.
                drop(tell.send(crowd.clone()));
            }
        }
    }
}

/// However it ends, nobody waits for it any longer.
impl Drop for Looking {
    fn drop(&mut self) {
        self.crowds.waiting().forget(&self.room);
    }
}

/// Who waits for the next look at a room; a room is in it as long as there is somebody who looks. Pure.
#[derive(Debug)]
struct Waiting<T>(HashMap<String, Vec<T>>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Waiting<T> {
    /// Adds somebody; whether there has to be somebody who looks.
    fn add(&mut self, room: &str, who: T) -> bool {
        match self.0.get_mut(room) {
            Some(waiting) => {
                waiting.push(who);
                false
            }
            None => {
                self.0.insert(room.to_owned(), vec![who]);
                true
            }
        }
    }

    /// Those for whom the look is that begins now; none when it was the last one.
    fn next(&mut self, room: &str) -> Option<Vec<T>> {
        let group = std::mem::take(self.0.get_mut(room)?);
        if group.is_empty() {
            self.0.remove(room);
            return None;
        }
        Some(group)
    }

    fn forget(&mut self, room: &str) {
        self.0.remove(room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_during_a_look_gets_the_next_one_together_with_all_others() {
        let mut waiting = Waiting::default();
        assert!(waiting.add("lobby", 1));
        assert!(waiting.add("other", 100));
        assert!(!waiting.add("lobby", 2));
        assert_eq!(waiting.next("lobby"), Some(vec![1, 2]));
        for late in 3..1_000 {
            assert!(!waiting.add("lobby", late), "a look is under way");
        }
        assert_eq!(waiting.next("lobby").map(|group| group.len()), Some(997));
        assert_eq!(waiting.next("lobby"), None);
        assert!(waiting.add("lobby", 1_000), "nobody looks any more");
        assert_eq!(waiting.next("other"), Some(vec![100]));
    }

    #[test]
    fn a_look_that_failed_keeps_nobody_waiting() {
        let mut waiting = Waiting::default();
        assert!(waiting.add("lobby", 1));
        waiting.forget("lobby");
        assert_eq!(waiting.next("lobby"), None);
        assert!(waiting.add("lobby", 2));
    }
}
