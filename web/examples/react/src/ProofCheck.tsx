// The element as a React component. React 18 sets attributes of custom elements but neither properties nor handlers of
// their events, so both go through a ref. React 19 needs none of this.

import { useEffect, useRef } from 'react';
import 'sphere-pow-proof';
import type { Report, SpherePowProof } from 'sphere-pow-proof';

interface Props {
  /** Proof data as the chain or an explorer's API gives it. */
  proof: object;
  blockHash: string;
  publicKey: string;
  /** A preset or JSON; the network's model where the proof does not carry one. */
  params?: string;
  sample?: number | 'all';
  lang?: string;
  onVerdict?: (report: Report) => void;
}

export function ProofCheck({ proof, blockHash, publicKey, params, sample = 200, lang, onVerdict }: Props) {
  const element = useRef<SpherePowProof>(null);
  useEffect(() => {
    if (element.current) element.current.proof = proof;
  }, [proof]);
  useEffect(() => {
    const current = element.current;
    const listener = (event: CustomEvent<Report>) => onVerdict?.(event.detail);
    current?.addEventListener('verdict', listener);
    return () => current?.removeEventListener('verdict', listener);
  }, [onVerdict]);
  return (
    <sphere-pow-proof ref={element} block-hash={blockHash} public-key={publicKey} params={params} sample={String(sample)} lang={lang} />
  );
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'sphere-pow-proof': React.DetailedHTMLProps<React.HTMLAttributes<SpherePowProof>, SpherePowProof> & {
        src?: string;
        params?: string;
        'block-hash'?: string;
        'public-key'?: string;
        participant?: string;
        'r-target'?: string;
        'block-height'?: string;
        sample?: string;
        'max-bytes'?: string;
        timeout?: string;
        auto?: string;
        theme?: 'light' | 'dark';
      };
    }
  }
}
