#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! What an application meets: [`Application`] and [`Next`], [`Committed`], [`Pending`]; [`Validators`] with their
//! [`HostId`]s. A host is a [`Node`] over a [`Storage`]; [`Input`], [`Output`] and [`Timer`] are its inputs and outputs,
//! and a driver does them: [`sim`] for many in one thread, [`net`] for one in the world.
#![forbid(unsafe_code)]

mod application;
mod block;
mod byzantine;
mod config;
mod context;
mod evidence;
mod identity;
mod mempool;
pub mod net;
mod node;
mod record;
mod signed;
pub mod sim;
mod storage;
mod validators;
mod wire;

pub use application::{Application, Committed, Next};
pub use block::{Block, Certificate, Decided, Header, MAX_PAYLOAD_BYTES};
pub use byzantine::{Behaviour, Rewrite};
pub use config::{Config, Timeouts};
pub use evidence::{Equivocation, Evidence, MAX_EVIDENCE, MAX_EVIDENCE_AGE};
pub use identity::{Hash, HostId, Key};
pub use mempool::{MAX_PENDING, MAX_PENDING_BYTES, MAX_TRANSACTION_BYTES, Pending};
pub use node::{Fault, Input, Node, Output, Timer};
pub use storage::{FileStorage, MemoryStorage, Storage, StorageError};
pub use validators::{MAX_TOTAL_POWER, MAX_VALIDATORS, Validators, ValidatorsError};
pub use wire::{Dropped, MAX_MESSAGE_BYTES, serve};
