//! The folder of a run: what was agreed before each round, how far each lane is, and the journal.

use super::super::commit::replace;
use super::arithmetic::Trainer;
use super::lanes::Done;
use crate::checkpoint::{self, most_bytes};
use crate::error::ProverError;
use crate::input;
use serde::{Deserialize, Serialize};
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::text::hex;
use sphere_pow_core::train::commit::tree;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::stream::RunId;
use sphere_pow_core::train::{Lane, Params, Preset, nats};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Most bytes of the JSON files.
const MAX_JSON_BYTES: usize = 1 << 26;

/// A round that is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Round {
    pub(super) round: u32,
    pub(super) seed: String,
    /// Mean loss of its steps, nats a token.
    pub(super) loss: f64,
    /// Loss of the parameters after it on what is held out, nats a token.
    pub(super) held_out: f64,
    /// The root after it.
    pub(super) root: String,
    pub(super) seconds: f64,
    /// By the lane's number; empty in journals of versions that wrote none.
    #[serde(default)]
    pub(super) lanes: Vec<LaneDone>,
}

/// What a lane published of a round that is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LaneDone {
    /// Root of the tree over its states.
    pub(super) root: String,
    pub(super) delta_hash: String,
    /// Mean loss of its steps, nats a token.
    pub(super) loss: f64,
}

/// `run.json`, and what `--json` prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Journal {
    pub(super) run: String,
    pub(super) params: String,
    pub(super) parameters: usize,
    /// Whether lanes' steps are in floats.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) float: bool,
    pub(super) text_sha256: String,
    pub(super) beacon: String,
    /// Loss of the first parameters on what is held out, nats a token.
    pub(super) held_out: f64,
    pub(super) rounds: Vec<Round>,
    /// The root before the next round.
    pub(super) root: String,
    /// Of this call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) tokens_per_second: Option<f64>,
}

impl Journal {
    pub(super) fn new<T: Trainer>(
        trainer: &T,
        params: Preset,
        beacon: &str,
        agreed: &Agreed,
        held_out: f64,
    ) -> Self {
        let (run, id) = (trainer.run(), trainer.id());
        Self {
            run: hex(id.as_bytes()),
            params: params.name().to_owned(),
            parameters: run.params().size(),
            float: T::IS_FLOAT,
            text_sha256: hex(run.text().sha256()),
            beacon: beacon.to_owned(),
            held_out,
            rounds: Vec::new(),
            root: agreed.root(id).to_hex(),
            tokens_per_second: None,
        }
    }
}

/// What a lane committed to: `lane-U.json` of a round that is done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Committed {
    pub(super) root: String,
    pub(super) delta_hash: String,
    pub(super) leaves: Vec<String>,
}

/// How far a lane came.
#[derive(Clone, Debug)]
pub(super) struct Progress<S> {
    /// Leaves 0 to the last segment done.
    pub(super) leaves: Vec<Hash>,
    /// Loss so far, in units of 2^-16 octaves.
    pub(super) loss: i64,
    pub(super) state: S,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn round(&self, round: u32) -> PathBuf {
        self.0.join(format!("round-{round:04}"))
    }

    pub(super) fn start(&self, round: u32) -> PathBuf {
        self.round(round).join("start.bin")
    }

    fn journal(&self) -> PathBuf {
        self.0.join("run.json")
    }

    pub(super) fn plot(&self) -> PathBuf {
        self.0.join("loss.svg")
    }

    fn wrong(path: &Path, reason: impl Into<String>) -> ProverError {
        ProverError::Training { what: input::name(path), reason: reason.into() }
    }

    fn json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, ProverError> {
        let bytes = input::bytes(path, MAX_JSON_BYTES)?;
        serde_json::from_slice(&bytes).map_err(|error| Self::wrong(path, error.to_string()))
    }

    fn write(path: &Path, bytes: &[u8]) -> Result<(), ProverError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        replace(path, |file| Ok(file.write_all(bytes)?))
    }

    /// The journal of a run.
    pub(super) fn read_journal<T: Trainer>(&self, trainer: &T) -> Result<Journal, ProverError> {
        let (path, expected) = (self.journal(), hex(trainer.id().as_bytes()));
        let journal: Journal = Self::json(&path)?;
        if journal.run != expected {
            let got = sphere_pow_core::text::shown(&journal.run);
            return Err(Self::wrong(
                &path,
                format!("the run is {got}, expected {expected}, by the model, text and arithmetic given"),
            ));
        }
        Ok(journal)
    }

    /// The run as it was left; `None` where none was begun.
    pub(super) fn resume<T: Trainer>(
        &self,
        trainer: &T,
        params: Preset,
        beacon: &str,
    ) -> Result<Option<(Journal, Agreed)>, ProverError> {
        if !self.journal().exists() {
            return Ok(None);
        }
        let journal = self.read_journal(trainer)?;
        if journal.beacon != beacon {
            let got = sphere_pow_core::text::shown(&journal.beacon);
            return Err(Self::wrong(
                &self.journal(),
                format!("the beacon is {got:?}, expected {beacon:?}, as --beacon says"),
            ));
        }
        let round = u32::try_from(journal.rounds.len()).unwrap_or(u32::MAX);
        let agreed = self.read_start(trainer, round, &journal.root)?;
        Ok(Some((Journal { params: params.name().to_owned(), tokens_per_second: None, ..journal }, agreed)))
    }

    /// What was agreed before a round, when it has that root.
    pub(super) fn read_start<T: Trainer>(
        &self,
        trainer: &T,
        round: u32,
        root: &str,
    ) -> Result<Agreed, ProverError> {
        let path = self.start(round);
        let agreed = read_agreed(&path, trainer.run().params(), round)?;
        let got = agreed.root(trainer.id()).to_hex();
        if got != root {
            let expected = sphere_pow_core::text::shown(root);
            return Err(Self::wrong(
                &path,
                format!("the root is {got}, expected {expected}, as the journal says"),
            ));
        }
        Ok(agreed)
    }

    pub(super) fn write_start(&self, agreed: &Agreed) -> Result<(), ProverError> {
        Self::write(&self.start(agreed.round), &agreed.to_bytes())
    }

    pub(super) fn write_journal(&self, journal: &Journal) -> Result<(), ProverError> {
        Self::write(&self.journal(), &serde_json::to_vec_pretty(journal).map_err(std::io::Error::from)?)
    }

    pub(super) fn write_plot(&self, svg: &str) -> Result<(), ProverError> {
        Self::write(&self.plot(), svg.as_bytes())
    }

    fn lane(&self, round: u32, lane: u32, ending: &str) -> PathBuf {
        self.round(round).join(format!("lane-{lane}.{ending}"))
    }

    /// Keeps how far a lane came. Not synced to the disk: a process that is killed loses nothing, and of a machine that is,
    /// the leaf tells a torn state.
    pub(super) fn write_progress<S>(
        &self,
        lane: &Lane,
        progress: &Progress<S>,
        state: &[u8],
    ) -> Result<(), ProverError> {
        let (path, part) =
            (self.lane(lane.round, lane.lane, "bin"), self.lane(lane.round, lane.lane, "part"));
        let mut bytes = lane.seed.to_vec();
        bytes.extend(progress.loss.to_le_bytes());
        bytes.extend((progress.leaves.len() as u32).to_le_bytes());
        progress.leaves.iter().for_each(|leaf| bytes.extend(leaf.as_bytes()));
        bytes.extend(state);
        std::fs::write(&part, bytes)?;
        Ok(std::fs::rename(part, path)?)
    }

    /// How far a lane came, when the file says so for this seed and its last leaf is that of its state.
    pub(super) fn read_progress<T: Trainer>(&self, trainer: &T, lane: &Lane) -> Option<Progress<T::State>> {
        let bytes = std::fs::read(self.lane(lane.round, lane.lane, "bin")).ok()?;
        let (seed, rest) = bytes.split_first_chunk::<32>()?;
        let (loss, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let count = u32::from_le_bytes(*count);
        let most = trainer.run().params().raw().segments + 1;
        if *seed != lane.seed || !(1..=most).contains(&count) {
            return None;
        }
        let (leaves, state) = rest.split_at_checked(32 * count as usize)?;
        let leaves: Vec<Hash> =
            leaves.as_chunks::<32>().0.iter().map(|leaf| Hash::from_bytes(*leaf)).collect();
        let is_whole = trainer.id().leaf(lane.round, lane.lane, count - 1, state) == *leaves.last()?;
        let state = trainer.read(state).filter(|_| is_whole)?;
        Some(Progress { leaves, loss: i64::from_le_bytes(*loss), state })
    }

    /// Keeps what the lanes of a round committed to, and gives it for the journal.
    pub(super) fn write_lanes<T: Trainer>(
        &self,
        trainer: &T,
        round: u32,
        done: &[Done],
    ) -> Result<Vec<LaneDone>, ProverError> {
        let (raw, id) = (trainer.run().params().raw(), trainer.id());
        let tokens = raw.inner as usize * raw.batch as usize;
        let mut lanes = Vec::with_capacity(done.len());
        for (lane, done) in (0..).zip(done) {
            let committed = Committed {
                root: tree(id, done.leaves.clone()).root().to_hex(),
                delta_hash: id.delta(round, lane, &done.delta).to_hex(),
                leaves: done.leaves.iter().map(|leaf| leaf.to_hex()).collect(),
            };
            let bytes = serde_json::to_vec(&committed).map_err(std::io::Error::from)?;
            Self::write(&self.lane(round, lane, "json"), &bytes)?;
            let Committed { root, delta_hash, .. } = committed;
            lanes.push(LaneDone { root, delta_hash, loss: nats(done.loss, tokens) });
        }
        Ok(lanes)
    }

    /// What a lane committed to: its leaves.
    pub(super) fn read_lane(&self, params: &Params, round: u32, lane: u32) -> Result<Vec<Hash>, ProverError> {
        let path = self.lane(round, lane, "json");
        let committed: Committed = Self::json(&path)?;
        let leaves: Option<Vec<Hash>> = committed.leaves.iter().map(|leaf| Hash::from_hex(leaf)).collect();
        let expected = params.raw().segments as usize + 1;
        leaves
            .filter(|leaves| leaves.len() == expected)
            .ok_or_else(|| Self::wrong(&path, format!("leaves are no {expected} hashes of 64 hex digits")))
    }

    /// Removes the states of a round that is done.
    pub(super) fn clear(&self, round: u32, lanes: u32) {
        for lane in 0..lanes {
            // One that stays costs room and nothing else.
            let _ = std::fs::remove_file(self.lane(round, lane, "bin"));
        }
    }
}

/// `start.bin`: what was agreed before a round.
pub(super) fn read_agreed(path: &Path, params: &Params, round: u32) -> Result<Agreed, ProverError> {
    let bytes = input::bytes(path, 8 * params.size())?;
    Agreed::from_bytes(params, round, &bytes).map_err(|error| Folder::wrong(path, error.to_string()))
}

/// What was agreed before a round, as start.bin or as a checkpoint of the run `id`.
pub(super) fn read_start(
    path: &Path,
    params: &Params,
    id: &RunId,
    round: u32,
) -> Result<Agreed, ProverError> {
    let bytes = input::bytes(path, most_bytes(params))?;
    if bytes.len() == 8 * params.size() {
        return Agreed::from_bytes(params, round, &bytes)
            .map_err(|error| Folder::wrong(path, error.to_string()));
    }
    let agreed = checkpoint::read_agreed(params, id, &bytes)
        .map_err(|error| Folder::wrong(path, error.to_string()))?;
    if agreed.round != round {
        return Err(Folder::wrong(path, format!("the round is {}, expected {round}", agreed.round)));
    }
    Ok(agreed)
}
