//! What has been done already: the ids of the last callbacks.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Event;

/// Ids of the callbacks that were done last, and of those that are being done. When it is full it forgets the oldest.
#[derive(Debug)]
pub struct Window {
    size: usize,
    ids: Mutex<Ids>,
}

#[derive(Debug, Default)]
struct Ids {
    running: HashSet<String>,
    done: HashSet<String>,
    /// The order in which they were done.
    order: VecDeque<String>,
}

/// Whether a callback is to be done now.
#[derive(Debug)]
pub enum Turn<'a> {
    /// Yes. Say [`Doing::done`] afterwards; one that is dropped without counts as not done, and will be done when it is repeated.
    First(Doing<'a>),
    /// It is being done. Answer 503: the platform will ask again.
    Running,
    /// It has been done. Answer 200.
    Done,
}

/// A callback that is being done.
#[derive(Debug)]
pub struct Doing<'a> {
    window: &'a Window,
    id: Option<String>,
}

impl Window {
    /// Remembers so many ids: as many as come in the time within which the platform repeats one, 24 h at the most.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            ids: Mutex::default(),
        }
    }

    /// Whether a callback is to be done now. One without an id always is.
    pub fn begin(&self, event: &Event) -> Turn<'_> {
        if let Some(id) = &event.id {
            let mut ids = self.ids();
            if ids.done.contains(id) {
                return Turn::Done;
            }
            if !ids.running.insert(id.clone()) {
                return Turn::Running;
            }
        }
        Turn::First(Doing {
            window: self,
            id: event.id.clone(),
        })
    }

    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doing<'_> {
    /// It has been done: what comes under its id from now on is a repeat.
    pub fn done(mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let mut ids = self.window.ids();
        ids.running.remove(&id);
        ids.order.push_back(id.clone());
        ids.done.insert(id);
        while ids.order.len() > self.window.size {
            if let Some(oldest) = ids.order.pop_front() {
                ids.done.remove(&oldest);
            }
        }
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.window.ids().running.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::{Callback, Verifier};

    fn event(id: Option<&str>) -> Event {
        let body = br#"{"deviceId":"d","commandId":"c","result":{"resultCode":"SENT"}}"#;
        let callback = Verifier::unsigned()
            .dispatch(&http::HeaderMap::new(), body)
            .unwrap()
            .callback;
        assert!(matches!(callback, Callback::Status(_)));
        Event {
            id: id.map(str::to_owned),
            callback,
        }
    }

    fn do_it(window: &Window, id: &str) -> &'static str {
        match window.begin(&event(Some(id))) {
            Turn::First(doing) => {
                doing.done();
                "done now"
            }
            Turn::Running => "running",
            Turn::Done => "done before",
        }
    }

    #[test]
    fn what_was_done_is_a_repeat_until_the_window_is_full() {
        let window = Window::new(2);
        assert_eq!(do_it(&window, "a"), "done now");
        assert_eq!(do_it(&window, "a"), "done before");
        assert_eq!(do_it(&window, "b"), "done now");
        assert_eq!(do_it(&window, "c"), "done now");
        assert_eq!(do_it(&window, "b"), "done before");
        assert_eq!(do_it(&window, "a"), "done now", "forgotten");
    }

    #[test]
    fn what_failed_is_done_when_it_comes_again() {
        let window = Window::new(2);
        let Turn::First(doing) = window.begin(&event(Some("a"))) else {
            panic!("new");
        };
        assert_eq!(do_it(&window, "a"), "running");
        drop(doing);
        assert_eq!(do_it(&window, "a"), "done now");
    }

    #[test]
    fn what_has_no_id_is_always_new() {
        let window = Window::new(2);
        for _ in 0..3 {
            let Turn::First(doing) = window.begin(&event(None)) else {
                panic!("new");
            };
            doing.done();
        }
    }
}
