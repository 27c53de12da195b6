//! A profile as a type: whose rules a nonce is computed and judged by.
//!
//! [`Profile`] is all that code outside the profiles' own folders may know of one: its parameters, its puzzle, what a
//! nonce comes to, what a document claims of it, and the rule that says whether the claim is true. [`Engine`] is
//! what computes. Adding a profile means a folder here, an executor, and a line in [`ProfileName::ALL`] and in each
//! crate's table; no command knows one by name.

use crate::identity::{BlockHash, IdentityError, Nonce, PublicKey};
use crate::verify::{Facts, Given, GivenError, Settled, Verdict};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Debug, Display};
use core::ops::ControlFlow;
use serde::Serialize;
use serde_json::{Map, Value};

/// The profiles there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// The network's own scheme, to within hardware noise (SPEC Part I).
    Gonka,
    /// Integers end to end, the same bits everywhere (SPEC Part II).
    Exact,
}

impl ProfileName {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Gonka, Self::Exact];

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gonka => "gonka",
            Self::Exact => "exact",
        }
    }
}

impl Display for ProfileName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no profile has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("profile is {got:?}, expected gonka or exact")]
pub struct UnknownProfile {
    /// The name given, cut to 40 characters.
    pub got: String,
}

impl core::str::FromStr for ProfileName {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| UnknownProfile { got: text.chars().take(40).collect() })
    }
}

/// Model sizes of a profile; serialised and shown as documents write them.
pub trait Model: Clone + Debug + Display + PartialEq + Send + Sync + Serialize {
    /// Names of the presets, the recommended one first.
    const PRESETS: &'static [&'static str];

    /// What the network takes for a field that a model file leaves out, as JSON: by field (SPEC §0.5).
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[];

    /// The preset of that name.
    fn from_name(name: &str) -> Option<Self>;

    /// Reads the sizes as documents and model files write them, from JSON.
    ///
    /// # Errors
    /// In words: what is wrong, with the field.
    fn from_json(text: &str) -> Result<Self, String>;

    /// The preset with these sizes.
    fn preset(&self) -> Option<&'static str>;

    /// Operations of one nonce; a multiplication with an addition counts as 2.
    fn work_per_nonce(&self) -> u64;
}

/// The rules of one profile.
pub trait Profile: Copy + Debug + Default + Send + Sync + 'static {
    /// Its name.
    const NAME: ProfileName;
    /// Version of its rules.
    const VERSION: u32;
    /// The options of [`Given`], by name, that mean something to this profile and not to every one.
    const OPTIONS: &'static [&'static str];
    /// The column of a document that holds what is claimed of each nonce.
    const CLAIM_COLUMN: &'static str;
    /// What prices a win beside the model, in a word.
    const PRICE_WORD: &'static str;

    /// Model sizes.
    type Params: Model;
    /// Model sizes and a block: what a nonce is computed for.
    type Puzzle: Clone + Debug + Send + Sync + 'static;
    /// What computing a nonce gives.
    type Outcome: Clone + Debug + PartialEq + Send + 'static;
    /// What a document claims of a nonce.
    type Claim: Clone + Debug + PartialEq + Send;
    /// What a document says of the price of a win beside the model.
    type Price: Copy + Debug + PartialEq + Send;
    /// What a verifier or miner says of it.
    type Terms: Clone + Debug + PartialEq + Send;
    /// What prices a win and convicts a host: settled by the verifier, never by the document alone.
    type Rule: Clone + Debug + PartialEq + Send + Serialize;
    /// What checking one claim found.
    type Finding: Clone + Debug + PartialEq + Send + Serialize;
    /// What all findings together show.
    type Evidence: Clone + Debug + PartialEq + Serialize;

    /// The puzzle of a block.
    fn puzzle(params: &Self::Params, block: &BlockHash) -> Self::Puzzle;

    /// Refuses a key that cannot be one, though it is text that a key may have.
    ///
    /// # Errors
    /// [`IdentityError`].
    fn check_key(key: &PublicKey) -> Result<(), IdentityError> {
        let _ = key;
        Ok(())
    }

    /// Reads what was given beside the model.
    ///
    /// # Errors
    /// [`GivenError`], naming the option.
    fn terms(given: &Given) -> Result<Self::Terms, GivenError>;

    /// The rule to judge by: the verifier's where it sets one, else the network's, and the document's only within
    /// it or unconfirmed.
    fn settle(terms: &Self::Terms, facts: &Facts<'_, Self>) -> Settled<Self::Rule>;

    /// The rule that a miner mines by.
    fn mining_rule(terms: &Self::Terms) -> Self::Rule;

    /// The share of nonces that win.
    fn win_rate(params: &Self::Params, rule: &Self::Rule) -> f64;

    /// What a miner claims of a nonce with that outcome; `None` when it does not win.
    fn won(rule: &Self::Rule, outcome: &Self::Outcome) -> Option<Self::Claim>;

    /// The head that every line of a proof file repeats (SPEC, "The proof file").
    fn file_head(
        params: &Self::Params,
        rule: &Self::Rule,
        block: &BlockHash,
        key: &PublicKey,
        block_height: Option<i64>,
    ) -> Map<String, Value>;

    /// The columns of won nonces as documents write them: the nonces, and [`Self::CLAIM_COLUMN`].
    fn columns(won: &[(Nonce, Self::Claim)]) -> [Value; 2];

    /// Checks the claim at `index` against what was recomputed.
    fn check(
        rule: &Self::Rule,
        index: usize,
        nonce: Nonce,
        claim: &Self::Claim,
        outcome: &Self::Outcome,
    ) -> Self::Finding;

    /// Whether a finding is of a true claim that wins.
    fn is_good(finding: &Self::Finding) -> bool;

    /// The verdict on what was found in a sample of `n_claimed` claims.
    fn conclude(rule: &Self::Rule, n_claimed: usize, findings: &[Self::Finding])
    -> (Verdict, Self::Evidence);

    /// What a report's first line says of the evidence, where there is something to say.
    fn remark(evidence: &Self::Evidence) -> Option<String>;
}

/// Which device computed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineInfo {
    /// `gpu`, `cpu`, `webgpu` or `wasm`.
    pub engine: &'static str,
    /// The adapter's name and driver interface, or the CPU's instruction set and threads.
    pub device: String,
}

/// Gets the share done, 0 to 1, and says whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(f32) -> ControlFlow<()>;

/// What computes the nonces of one model on one block.
pub trait Engine<P: Profile> {
    /// Why it could not, a stop on request included.
    type Error;

    /// Which device this is.
    fn info(&self) -> &EngineInfo;

    /// How many nonces it likes to take at once.
    fn batch(&self) -> usize;

    /// What each nonce of `key` comes to, in the order given.
    ///
    /// Ready when first polled, but on a GPU in a browser.
    fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> impl Future<Output = Result<Vec<P::Outcome>, Self::Error>>;
}
