import type { Bytes, Given, WasmSource } from './types.js';

/**
 * What a node's RPC answered, as it answered: `/commit`, `/validators`, `/header`, `/block`, `/blockchain`, and
 * `/abci_query` with `prove=true`. As text or bytes, one reply after the other; or as a list of replies, each as text or
 * parsed. At most 64 MiB.
 */
export type Replies = string | Bytes | object | readonly (string | Bytes | object)[];

/** The block that the caller trusts, all else follows from it: `HEIGHT:HASH`, or both apart. */
export type Trust = string | { height: number | bigint | string; hash: string };

export interface ChainOptions {
  trust: Trust;
  /** Days for which validators are trusted after a block that they signed, less than the chain's unbonding; 14. */
  trustingDays?: number;
  /** Seconds since 1970; by the platform's clock when left out. */
  now?: number;
  /** Gives `given` of the block of this height. */
  blockHeight?: number | bigint | string;
  /** The account whose key is meant: an address. */
  account?: string;
  /** Where `sphere-pow/chain.wasm` is; only the first call's counts. */
  wasm?: WasmSource | Promise<WasmSource>;
}

/** A block that follows from the trusted one. */
export interface ChainBlock {
  height: number;
  /** 64 upper-case hex digits, as hosts put it into their seeds. */
  hash: string;
  /** Seconds since 1970. */
  time: number;
  /** It is the trusted block; validators signed it; or a later block that is bound names its hash. */
  by: 'trusted' | 'signatures' | 'successor';
}

/** What the chain's state holds after the block of a height. */
export type ChainFact = { height: number } & (
  | {
      kind: 'model';
      /** The model's sizes. */
      params: object;
      /** The radius to win; null where the chain holds none. */
      rTarget: number | null;
      /** How many nonces validators of the network recompute. */
      sampleSize: number;
    }
  | {
      kind: 'account';
      address: string;
      /** Lower-case hex, as hosts put it into their seeds. */
      publicKey: string;
    }
  | {
      /** An entry that nothing here reads. */
      kind: 'other';
      store: string;
      /** Hex. */
      key: string;
      /** Hex. */
      value: string;
    }
);

export interface ChainConfirmation {
  chainId: string;
  trustedHeight: number;
  /** By height. */
  blocks: ChainBlock[];
  /** By height. */
  facts: ChainFact[];
  /** All of it in lines of text, the trust first. */
  summary: string;
  /** Options for `verifyDocument` and others: what is known of the block of `blockHeight`; null without one. */
  given: Pick<Given, 'blockHash' | 'blockHeight' | 'publicKey' | 'params' | 'rTarget'> | null;
}

/**
 * Follows replies of any node from the block that the caller trusts, by the rules of light clients and by proofs of state,
 * believing none of them. Runs where it is called: some milliseconds for each signed block.
 *
 * Rejects with a SpherePowError: `E_CHAIN` with the `reason` `trust`, `missing-reply`, `conflict`, `untrusted`, `forged`,
 * `expired` or `unconfirmed`; `E_FORMAT` for what is no reply.
 */
export function confirmChain(replies: Replies, options: ChainOptions): Promise<ChainConfirmation>;

export { SpherePowError } from './types.js';
