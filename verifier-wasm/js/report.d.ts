// The report: one form on every surface, as tests/vectors/report.schema.json has it. Core writes it, nothing here does.

/** The proof scheme: the network's own, or exact integers. */
export type Profile = 'gonka' | 'exact';

/** Model sizes of the `gonka` profile, with the network's field names. */
export interface GonkaParams {
  dim: number;
  n_layers: number;
  n_heads: number;
  n_kv_heads: number;
  vocab_size: number;
  ffn_dim_multiplier?: number | null;
  multiple_of: number;
  norm_eps: number;
  rope_theta: number;
  use_scaled_rope: boolean;
  seq_len: number;
}

/** Presets of the `gonka` profile. */
export type GonkaPreset = 'mainnet' | 'testnet' | 'default' | 'dev-test';

/** Model sizes of the `exact` profile (SPEC II.2). A nonce wins from a squared cosine of `threshold` / 2^32 on. */
export interface ExactParams {
  dim: number;
  heads: number;
  hidden: number;
  layers: number;
  tokens: number;
  vocab: number;
  threshold: number;
}

/** Presets of the `exact` profile. */
export type ExactPreset = 'nano' | 'standard' | 'large';

/**
 * `honest`: as far as the sample shows, the claims are true, by a price that the verifier or the network set.
 * `unconfirmed`: as honest, but by a model, radius or sample that only the document names (`unconfirmed` lists which).
 * `inconclusive`: the sample cannot tell. `fraud`: false claims beyond what honest hardware explains.
 */
export type Verdict = 'honest' | 'unconfirmed' | 'inconclusive' | 'fraud';

/** The gravest of a document. `incomplete`: some parts could not be judged, none is fraud. `refused`: no part could. */
export type ReportVerdict = Verdict | 'incomplete' | 'refused';

/**
 * Who said something. `verifier`: who calls. `network`: a preset, or the network's radius. `document`: the document,
 * so perhaps the prover. `random`: drawn by the verifier after the document was fixed. `whole`: all was checked.
 */
export type Source = 'verifier' | 'network' | 'document' | 'random' | 'whole';

/** The shape of a document (SPEC, "Documents"). */
export type Shape =
  | 'proof-batch'
  | 'validated-batch'
  | 'api-batches'
  | 'chain-batches'
  | 'transaction'
  | 'init'
  | 'single'
  | 'exact-proof'
  | 'exact-bytes'
  | 'proof-file';

/** The tail of a proof file that a crash cut off. */
export interface Torn {
  /** The line, from 1. */
  line: number;
  /** Bytes there are of it. */
  bytes: number;
}

/** A part of a document that could not be judged. */
export interface Unjudged {
  place: string;
  participant: string | null;
  /** A stable name for the reason (SPEC, "Errors"): `missing-params`, `wrong-block`, `duplicate`, `no-claims`, … */
  code: string;
  message: string;
}

/** Who said what a submission is of. */
export interface Sources {
  params: Source;
  rule: Source;
  blockHash: Source;
  publicKey: Source;
}

/** What computed. */
export interface ReportEngine {
  engine: 'gpu' | 'cpu' | 'webgpu' | 'wasm';
  device: string;
}

interface Head<P extends Profile, Params, Rule> {
  profile: P;
  /** Where in the document, as `lines 1 to 3` or `poc_batch[2]`. */
  place: string;
  /** The account that submitted it. */
  participant: string | null;
  blockHash: string;
  publicKey: string;
  blockHeight: number | null;
  /** Which of the host's nodes. */
  nodeId: number | null;
  /** The model's name; null for own sizes. */
  preset: string | null;
  params: Params;
  /** What is judged by. */
  rule: Rule;
  /** The share of nonces that win by it. */
  winRate: number;
  sources: Sources;
  /** What prices the work and only the document says. */
  unconfirmed: ('params' | 'rule' | 'sample')[];
  /** Claims in the submission. */
  nClaimed: number;
  /** Likely causes of trouble, in words. */
  hints: string[];
}

export interface GonkaRule {
  rTarget: number;
  fraudThreshold: number;
}

/** What prices a win is a parameter of the model; what convicts is fixed. */
export type ExactRule = Record<string, never>;

export type GonkaSubmissionHead = Head<'gonka', GonkaParams, GonkaRule>;
export type ExactSubmissionHead = Head<'exact', ExactParams, ExactRule>;
/** What a submission is of, before it is checked. */
export type SubmissionHead = GonkaSubmissionHead | ExactSubmissionHead;

/** One recomputed nonce of a `gonka` submission. */
export interface GonkaResult {
  /** Place in the submission, from 0. */
  index: number;
  /** Decimal: may pass 2^53. */
  nonce: string;
  claimed: number;
  /** null when the model's output is all zero or not finite. */
  recomputed: number | null;
  /** claimed - recomputed. */
  difference: number | null;
  /** Whether the network's rule lets it pass. */
  valid: boolean;
}

/** One recomputed claim of an `exact` submission. */
export interface ExactResult {
  index: number;
  nonce: string;
  claimedDigest: string;
  /** SHA-256 over the logits, 64 lower-case hex digits (SPEC II.8). */
  digest: string;
  digestMatches: boolean;
  /** Whether the nonce wins: dot > 0 and dot^2 2^32 >= threshold targetSquared logitsSquared. */
  won: boolean;
  /** Sum of logit times target, decimal. */
  dot: string;
  /** Sum of squared logits, decimal. */
  logitsSquared: string;
  /** Sum of squared target entries, decimal. */
  targetSquared: string;
  /** For display only: nothing is decided by it. */
  distance: number;
  /** Whether the digest is right and the nonce wins. */
  valid: boolean;
}

export type Result = GonkaResult | ExactResult;

/** Advisory: the network does not compare claimed with recomputed distances. */
export interface Advisory {
  rmsError: number | null;
  maxError: number | null;
  meanRecomputed: number | null;
  /** Claims as close to what was recomputed as honest hardware comes. */
  nAgreeing: number;
  isWithinHardwareNoise: boolean;
}

export interface GonkaEvidence {
  /** How probable it is that an honest host shows as many bad nonces. */
  probabilityHonest: number;
  /** Whether that is below the threshold. */
  fraudDetected: boolean;
  /** Whether so many nonces could convict anybody. */
  canConvict: boolean;
  /** Hardly any claim agrees: another block hash, key or model was mined, or the claims are invented. */
  nothingAgrees: boolean;
  advisory: Advisory;
}

/** Why a claim proves fraud; its numbers are those of the result at `index`. */
export interface ExactFault {
  /** `digest`: it is not that of the nonce's logits. `not-won`: it is, but the nonce does not win. */
  code: 'digest' | 'not-won';
  detail: string;
  index: number;
  nonce: string;
}

export interface ExactEvidence {
  /** With no false claim found, at most this share of all claims is false, at 95 % confidence; null with a fault. */
  falseShareBound: number | null;
  nothingAgrees: boolean;
  /** The first false claim. */
  fault: ExactFault | null;
}

interface Found<Evidence, One> {
  verdict: Verdict;
  /** It in one line, with everything it rests on. */
  summary: string;
  /** Version of the profile's rules. */
  profileVersion: number;
  nChecked: number;
  nBad: number;
  /** What drew the sample; null when all was checked. */
  sampleSeed: string | null;
  sampleSource: Source;
  engine: ReportEngine;
  evidence: Evidence;
  /** By claim, ascending. */
  results: One[];
}

export type GonkaSubmissionReport = GonkaSubmissionHead & Found<GonkaEvidence, GonkaResult>;
export type ExactSubmissionReport = ExactSubmissionHead & Found<ExactEvidence, ExactResult>;
export type SubmissionReport = GonkaSubmissionReport | ExactSubmissionReport;

/** What came of a whole document. */
export interface Report {
  /** Version of this form. */
  schema: number;
  /** Version of the software. */
  software: string;
  /** When it was concluded, RFC 3339 in UTC. */
  date: string;
  verdict: ReportVerdict;
  shape: Shape;
  torn: Torn | null;
  submissions: SubmissionReport[];
  unjudged: Unjudged[];
}

/** A batch as it stands in a document; null for what it leaves out. */
export interface BatchHead {
  profile: Profile;
  place: string;
  participant: string | null;
  publicKey: string | null;
  blockHash: string | null;
  blockHeight: number | null;
  nodeId: number | null;
  params: GonkaParams | ExactParams | null;
  preset: string | null;
  /** gonka: the radius as written, which may be no radius; null for `exact`. */
  rTarget: number | null;
  nClaimed: number;
  /** Whether it says what the nonces come to; else there is nothing to judge. */
  hasClaims: boolean;
}
