import type { Signal, WasmSource, WorkerOption } from './types.js';

/** A whole number, exactly: above 2^53 as a bigint or as decimal text. */
export type Whole = number | bigint | string;
/** A whole number as decimal text: it may pass 2^53. */
export type WholeText = string;
/** An exact decimal as text, such as `0.05`. */
export type DecimalText = string;
/** Bytes as 64 hex digits. */
export type Hex32 = string;

export interface Fraction {
  /** Below 2^32. */
  numerator: Whole;
  /** 1 or more, below 2^32. */
  denominator: Whole;
}

export interface RuleOptions {
  /** As for `createVerifier`; the file is `sphere-pow/network.wasm`. The first call's counts. */
  wasm?: WasmSource | Promise<WasmSource>;
  /** As for `createVerifier`; the script is `sphere-pow/network-worker`. The first call's counts until `close()`. */
  worker?: WorkerOption;
  signal?: Signal;
}

/** Durations in blocks, as the chain's parameters name them (SPEC §III.2). */
export interface Durations {
  epoch_length: number;
  epoch_shift: number;
  poc_stage_duration: number;
  poc_exchange_duration: number;
  poc_validation_delay: number;
  poc_validation_duration: number;
  set_new_validators_delay: number;
  inference_validation_cutoff: number;
}

export type EpochPreset = 'mainnet' | 'testermint' | 'code-default';
export type EpochParams = EpochPreset | Durations;
export type Phase = 'inference' | 'generate' | 'generate-wind-down' | 'validate' | 'validate-wind-down';

/** Heights of an epoch's events; windows are first and last height. */
export interface Stages {
  /** The block whose hash is the puzzle. */
  start: number;
  generationWindDown: number;
  generationEnd: number;
  /** When batches are taken. */
  batchWindow: [number, number];
  validationStart: number;
  validationWindDown: number;
  /** When validations are taken. */
  validationWindow: [number, number];
  /** The votes are counted. */
  weightsComputed: number;
  /** The new weights rule from here on. */
  newValidators: number;
  /** The last epoch's rewards can be claimed from here on. */
  claim: number;
  inferenceValidationCutoff: number;
  nextStart: number;
}

export interface Epoch {
  index: number;
  durations: Durations;
  /** null in epoch 0, which has no proof of compute. */
  stages: Stages | null;
  /** null where no height was asked for. */
  phase: Phase | null;
}

/** The parameter sets that have names. */
export declare function epochPresets(request?: Record<string, never>, options?: RuleOptions): Promise<Record<EpochPreset, Durations>>;

/** An epoch by its index, or the one whose generation started last at a height; heights below 2^53. */
export declare function epoch(request: { params: EpochParams } & ({ index: Whole } | { height: Whole }), options?: RuleOptions): Promise<Epoch>;

export interface Acceptance {
  accepted: boolean;
  /** The chain's code for a refusal: `inference` 1107 and 1108, `sdk` 18. */
  refusal: { codespace: string; code: number; message: string } | null;
}

/** Whether the chain takes a batch at a height (SPEC §III.3). A distance may be NaN or infinite, which it refuses. */
export declare function acceptBatch(
  request: { params: EpochParams; epoch: Whole; height: Whole; stageStart: Whole; nonces: readonly Whole[]; distances: readonly number[] },
  options?: RuleOptions,
): Promise<Acceptance>;

/** Whether the chain takes a validation at a height (SPEC §III.3). */
export declare function acceptValidation(
  request: { params: EpochParams; epoch: Whole; height: Whole; stageStart: Whole },
  options?: RuleOptions,
): Promise<Acceptance>;

/** The weight that batches claim: every nonce, and each nonce once (SPEC §III.4). */
export declare function claimedWeight(request: { batches: readonly (readonly Whole[])[] }, options?: RuleOptions): Promise<{ all: number; unique: number }>;

/** The weight of a participant before collateral and caps, 0 with the first reason why it has none. */
export declare function candidateWeight(
  request: { claimed: Whole; hasValidatorKey: boolean; isAccepted: boolean; hasSeed: boolean },
  options?: RuleOptions,
): Promise<{ weight: WholeText; reason: 'no-claim' | 'no-validator-key' | 'not-accepted' | 'no-seed' | 'other' | null; message: string | null }>;

/** The weight that collateral backs. By default a fifth is free and a unit backs a unit, from epoch 181 on. */
export declare function backedWeight(
  request: { weight: Whole; collateral: Whole; epoch: Whole; base?: Fraction; perWeight?: Fraction; graceEndEpoch?: Whole },
  options?: RuleOptions,
): Promise<{ weight: WholeText }>;

/** Powers with the guardians' in a young network. */
export declare function guardianPowers(
  request: { hosts: readonly { power: Whole; guardian: boolean }[]; multiplier?: Fraction; maturity?: Whole },
  options?: RuleOptions,
): Promise<{ powers: WholeText[] }>;

export interface MajorityRequest {
  validators: readonly { id: string; weight: Whole }[];
  /** In the order in which they came. */
  votes: readonly { validator: string; vote: 'valid' | 'fraud' }[];
  /** What a second vote of a validator does: `last-stands` by default. */
  revote?: 'last-stands' | 'fraud-stands';
  rule?: 'majority' | 'two-thirds';
  /** Validators whose agreement decides between the thirds. */
  guardians?: readonly string[];
}

/** What votes on a claim come to: weight behind each answer, silence against it (SPEC §III.5). */
export declare function majority(
  request: MajorityRequest,
  options?: RuleOptions,
): Promise<{ valid: WholeText; fraud: WholeText; silent: WholeText; total: WholeText; accepted: boolean }>;

/** Powers cut to a share of all, a quarter by default; fewer than four hosts have higher limits (SPEC §III.6). */
export declare function capPowers(
  request: { powers: readonly Whole[]; limit?: Fraction },
  options?: RuleOptions,
): Promise<{ powers: WholeText[]; cap: WholeText | null; limit: { numerator: number; denominator: number } }>;

/** What the network's validator looks at: Go's `Perm`, known at the stage's start (SPEC §III.7). `size` is 200 by default. */
export declare function networkSample(
  request: { validator: string; blockHash: string; height: Whole; count: Whole; size?: Whole },
  options?: RuleOptions,
): Promise<{ seed: WholeText; places: number[] }>;

/** What ours looks at: drawn by randomness fixed after the commitment (SPEC §III.7). */
export declare function drawSample(
  request: {
    commitment: { root: Hex32; count: Whole; height: Whole };
    beacon: { value: Hex32; height: Whole };
    validator: string;
    participant: string;
    size: Whole;
  },
  options?: RuleOptions,
): Promise<{ places: WholeText[] }>;

export interface DetectionRequest {
  /** Nonces checked. */
  sample: Whole;
  /** Shares of bad nonces, at most 10,000. */
  badShares?: readonly number[];
  /** Validators of equal weight who all vote. */
  validators?: Whole;
  /** A probability of one validator to flag, for which the share is wanted. */
  flagged?: number;
  /** The test's own numbers: 5e-4 and 1e-7 by default. */
  mismatch?: number;
  fraudThreshold?: number;
}

export interface Detection {
  /** The smallest number of bad nonces that flags; null when none does. */
  flagThreshold: number | null;
  /** For each share: the probability that one validator flags. */
  flagged: number[];
  /** For each share: the probability that the vote rejects. */
  rejected: number[] | null;
  /** The share at which one validator flags with probability `flagged`. */
  badShare: number | null;
}

/** What the binomial test finds (SPEC §III.8). */
export declare function detection(request: DetectionRequest, options?: RuleOptions): Promise<Detection>;

/** The probability that a check without tolerance sees none of the bad claims (SPEC §III.8). */
export declare function missProbability(request: { total: Whole; bad: Whole; sample: Whole }, options?: RuleOptions): Promise<{ missed: number }>;

/** Parameters other than the network's (SPEC §III.9). */
export interface ValidationRules {
  minAverage?: DecimalText;
  halfwayAverage?: DecimalText;
  maxAverage?: DecimalText;
  fullTraffic?: Whole;
  leastTraffic?: Whole;
  epochsToMax?: Whole;
  missCutoff?: DecimalText;
  missPenalty?: DecimalText;
}

/** Reputation in hundredths; `missed` has the share of requests missed by epoch (SPEC §III.9). */
export declare function reputation(
  request: { epochs: Whole; missed?: readonly DecimalText[]; rules?: ValidationRules },
  options?: RuleOptions,
): Promise<{ reputation: number }>;

/** How often a request is checked at this traffic, of a host with full reputation. */
export declare function minimumAverage(request: { requests: Whole; rules?: ValidationRules }, options?: RuleOptions): Promise<{ average: DecimalText }>;

/** Whether a validator checks a request. */
export declare function duty(
  request: {
    seed: Whole;
    inferenceId: string;
    powers: { total: Whole; validator: Whole; executor: Whole };
    /** The executor's, 0 to 100. */
    reputation: Whole;
    requests: Whole;
    rules?: ValidationRules;
  },
  options?: RuleOptions,
): Promise<{ probability: DecimalText; draw: DecimalText; due: boolean }>;

/** The design paper's reputation after these days, and how often such a host is checked. */
export declare function standing(
  request: { days: readonly ('work' | 'away' | 'fraud')[]; floor?: DecimalText },
  options?: RuleOptions,
): Promise<{ honestDays: number; checkProbability: DecimalText }>;

/**
 * Who checks a host's claim (SPEC §III.12): a committee by standing, or a jury. `host` is a place in `weights`. Either a `beacon`
 * draws all seats, or each validator its own: `outputs` are the 128 hex digits of its verifiable random function, by place,
 * null of one that drew nothing. Proofs are verified by the network's hosts, not here.
 */
export declare function committee(
  request: { weights: readonly Whole[]; host: Whole; seats?: Whole; honestDays?: Whole; floor?: DecimalText; jury?: Whole } & (
    | { beacon: Hex32; outputs?: undefined }
    | { outputs: readonly (string | null)[]; beacon?: undefined }
  ),
  options?: RuleOptions,
): Promise<{ seats: number; members: { validator: number; seats: number }[] }>;

/** The seed by which a validator checks requests (`duty`): of what it drew, 128 hex digits, and its place. */
export declare function requestSeed(request: { output: string; validator: Whole }, options?: RuleOptions): Promise<WholeText>;

export interface HostRow {
  /** Weight after the cap. */
  power: WholeText;
  share: number;
  checkProbability: DecimalText;
  /** Seats that check this host, on average. */
  checkedBy: number;
  /** Seats that this host fills, on average. */
  checks: number;
  /** Those of them that check the host `of`; null where none was asked for. */
  checksOf: number | null;
}

/** Weights, capped and shared out, and who checks whom how often. `seats` is 8 by default, `limit` a quarter. */
export declare function weightTable(
  request: { hosts: readonly { weight: Whole; honestDays?: Whole }[]; limit?: Fraction; seats?: Whole; floor?: DecimalText; of?: Whole },
  options?: RuleOptions,
): Promise<{ total: WholeText; cap: WholeText | null; hosts: HostRow[] }>;

/** The participants of a document, as the verifier reads it, with what their batches claim. */
export declare function claims(
  document: string | ArrayBuffer | ArrayBufferView,
  options?: RuleOptions,
): Promise<{
  shape: string;
  /** `name` is the account, or the key where no account is given. */
  participants: { name: string | null; claimed: number; unique: number }[];
  rejected: string[];
}>;

/** Units minted in an epoch (SPEC §III.10). */
export declare function emission(request: { epoch: Whole; initial?: Whole; decayMillionths?: Whole }, options?: RuleOptions): Promise<{ amount: WholeText }>;

/** An amount shared by weight, to the last unit. */
export declare function shareByWeight(request: { amount: Whole; weights: readonly Whole[] }, options?: RuleOptions): Promise<{ shares: WholeText[] }>;

export type CycleEntry =
  | { entry: 'emit'; amount: Whole; weights: readonly { host: string; weight: Whole }[] }
  | { entry: 'post'; task: Whole; fee: Whole; height: Whole }
  | { entry: 'finish'; task: Whole; executor: string; checkers: readonly string[] }
  | { entry: 'refund'; task: Whole }
  | { entry: 'expire'; height: Whole }
  | { entry: 'forfeit'; host: string };

export interface WorkRecord {
  host: string;
  workDue: Whole;
  workDone: Whole;
  checksDue: Whole;
  checksDone: Whole;
}

/** Where a cycle's units went. The parts add up to `total`, all that was paid in. */
export interface Settlement {
  paid: { host: string; amount: WholeText }[];
  forfeited: WholeText;
  withheld: WholeText;
  refunded: WholeText;
  open: WholeText;
  total: WholeText;
}

/** The books of one cycle, entry by entry, and what they come to (SPEC §III.10). */
export declare function settleCycle(request: { entries: readonly CycleEntry[]; records?: readonly WorkRecord[] }, options?: RuleOptions): Promise<Settlement>;

export interface Difficulty {
  /** Of the exact profile (SPEC §II.8). */
  threshold: number;
  /** Chance of a nonce to win, in units of 2^-64. */
  rate: WholeText;
  winRate: number;
  /** Of the gonka profile. */
  rTarget: number;
  /** Of `wins`; null where none are given. */
  weight: WholeText | null;
}

/** A difficulty by its threshold, or the one whose rate is nearest below (SPEC §III.11). */
export declare function difficulty(
  request: { vocab: Whole; wins?: Whole } & ({ threshold: Whole } | { rate: Whole }),
  options?: RuleOptions,
): Promise<Difficulty>;

/** What a chain says of itself at one of its blocks, counted from its beginning. */
export interface Mark {
  height: Whole;
  timeMs: Whole;
  wins: Whole;
}

/** The next stage's difficulty, from what was won between two blocks. */
export declare function nextDifficulty(
  request: { vocab: Whole; threshold: Whole; from: Mark; to: Mark; goal: { wins: Whole; durationMs: Whole } },
  options?: RuleOptions,
): Promise<Difficulty>;

/** How a host's claim comes about: honestly, with work left out (thousandths), made up, copied, padded with junk, not at all. */
export type Work = 'honest' | { skip: number } | 'forge' | 'copy' | { pad: number } | 'idle';
export type Voting = 'honest' | 'silent' | 'lazy' | 'cover' | 'attack';

export interface Strategy {
  work: Work;
  voting: Voting;
  [more: string]: unknown;
}

export interface Group {
  name: string;
  /** Of the hosts, in thousandths. */
  share: number;
  strategy?: Partial<Strategy>;
  coalition?: number | null;
  /** Against what chance gives them; 1 by default. */
  power?: number;
  /** The epoch in which they come. */
  from?: number;
}

/** What is simulated, under the names of `sphere-pow simulate --show`. */
export interface Scenario {
  /** 2 to 100,000. */
  hosts: number;
  epochs: number;
  seed: Whole;
  power: 'equal' | { log_normal: { sigma: number } } | { pareto: { alpha: number } };
  nonces_per_second: number;
  latency: { median_ms: number; sigma: number };
  /** In thousandths. */
  lost: number;
  /** In thousandths. */
  away: number;
  rules: Partial<SimulatedRules>;
  groups: readonly Group[];
}

export interface SimulatedRules {
  seats: number;
  jury: number;
  samples: number;
  floor: number;
  cap: number;
  vocab: number;
  nonces_per_win: number;
  wins_per_host: number;
  block_ms: number;
  durations: Durations;
}

export interface SimulatedEpoch {
  epoch: number;
  claims: number;
  false_claims: number;
  /** False claims that counted. */
  missed: number;
  /** True claims that did not count. */
  wronged: number;
  /** Share of the voting power that false claims earned. */
  false_weight: number;
  /** Nonces computed in checks for each nonce of mining. */
  verification: number;
  checks_due: number;
  checks_done: number;
  standing: number;
  win_rate: number;
  r_target: number;
  against_goal: number;
}

export interface SimulatedGroup {
  name: string;
  hosts: number;
  power: number;
  weight: number;
  paid: number;
  claims: number;
  rejected: number;
  /** Epochs from a host's first claim to its first rejected one. */
  caught_after: number | null;
  never_caught: number;
}

export interface Simulation {
  scenario: Scenario;
  rows: SimulatedEpoch[];
  /** The honest rest first. */
  groups: SimulatedGroup[];
  messages: number;
  refused: number;
  /** The last block's: equal scenarios give equal ones, here and in `sphere-pow simulate`. */
  hash: string;
  /** The 200 hosts with most power at the end. */
  hosts: { host: number; group: string; power: WholeText; paid: WholeText; standing: number }[];
}

/** A scenario with all that can be chosen at its default. */
export declare function scenario(request?: Record<string, never>, options?: RuleOptions): Promise<Scenario>;

/** Simulates a network in the worker; a signal stops it at once. What the scenario leaves out has its default. */
export declare function simulate(
  scenario?: Partial<Scenario>,
  options?: RuleOptions & { onProgress?: (progress: { fraction: number; eta: number | null }) => void },
): Promise<Simulation>;

/** Ends the worker. */
export declare function close(): Promise<void>;

export { SpherePowError } from './types.js';
