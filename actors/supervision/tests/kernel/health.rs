//! The health line: one per change of state, and one per period.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use supervision::{Child, Exhausted, Policy};
use tokio::time::sleep;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::worker::{CHILD, Do, Mischief, SECOND, World, in_virtual_time, only, policy};

/// Collects the states told by health lines.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "health"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut States(&self.0));
    }
}

struct States<'a>(&'a Mutex<Vec<String>>);

impl Visit for States<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "state" {
            self.0.lock().expect("nobody panics while listening").push(format!("{value:?}"));
        }
    }
}

#[test]
fn a_health_line_is_written_at_each_change_of_state() {
    let listener = Listener::default();
    let _listening = tracing::subscriber::set_default(listener.clone());
    in_virtual_time(async {
        let parked = Child { exhausted: Exhausted::Park { retry: 60 * SECOND }, ..CHILD };
        let worker = only(Policy { max_restarts: 0, ..policy() }, parked, World::default());
        worker.act.tell(Do(Mischief::Panic)).unwrap();
        sleep(90 * SECOND).await;
        worker.family.shutdown(SECOND).await;
    });
    let states = listener.0.lock().unwrap().clone();
    assert_eq!(states, ["Running", "Down", "Parked", "Running", "Draining", "Stopped"]);
}

#[test]
fn a_health_line_is_written_every_period() {
    let listener = Listener::default();
    let _listening = tracing::subscriber::set_default(listener.clone());
    in_virtual_time(async {
        let _worker = only(Policy { health_every: Some(60 * SECOND), ..policy() }, CHILD, World::default());
        sleep(601 * SECOND).await;
    });
    assert_eq!(listener.0.lock().unwrap().len(), 1 + 10);
}
