//! What the node was told, kept for the process that comes after this one.

use super::{Assignment, Node, Phase};
use crate::clock::now_ms;
use crate::serve::init::Init;
use serde::{Deserialize, Serialize};

/// What of an order survives the process.
#[derive(Serialize, Deserialize)]
struct Remembered {
    body: String,
    phase: Phase,
    at_ms: u64,
}

impl Node {
    /// Notes for the next process what this one was told. A disk that fails here costs nothing but that.
    pub(in crate::serve) fn remember(&self, assignment: Option<&Assignment>) {
        let text = assignment.map(|assignment| {
            let Assignment { init, phase } = assignment;
            let remembered = Remembered { body: init.body.clone(), phase: *phase, at_ms: now_ms() };
            serde_json::to_string(&remembered).expect("plain data")
        });
        if let Err(error) = self.store.assign(text.as_deref()) {
            tracing::warn!("what the node was told is not remembered: {error}");
        }
    }

    /// Goes on with what an earlier process was told, where that is not long ago.
    pub(in crate::serve) fn resume(&self) {
        let text = self.store.assigned().ok().flatten();
        let Some(remembered) = text.and_then(|text| serde_json::from_str::<Remembered>(&text).ok()) else {
            return;
        };
        let age_ms = now_ms().saturating_sub(remembered.at_ms);
        if age_ms > u64::try_from(self.settings.window.as_millis()).unwrap_or(u64::MAX) {
            return;
        }
        let Remembered { body, phase, .. } = remembered;
        if let Ok(init) = Init::read(&body, self.settings.profile, &self.settings.callback_hosts) {
            tracing::info!("going on with the stage of block {} after a restart", init.block_hash);
            self.assign(Assignment { init, phase });
        }
    }
}
