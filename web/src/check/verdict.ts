// The judge's verdict in words. What it is was decided in core.

import type { Judged, Report } from '../engine/types.ts';
import { percent, probability, t } from '../i18n.ts';

/** A judged submission's word; where nothing agrees, one of its own. */
export function wordOf(its: Judged): string {
  return t(its.evidence.nothingAgrees ? 'verdict.nothingAgrees' : `verdict.${its.verdict}`);
}

/** "64 of 200 nonces, 3 bad". */
export function countsOf({ nChecked, nClaimed, nBad }: Judged): string {
  return t(nChecked === nClaimed ? 'verdict.all' : 'verdict.counts', { n: nChecked, claims: nClaimed, bad: nBad });
}

export function sentenceOf(its: Judged): string {
  if (its.evidence.nothingAgrees) return t('verdict.nothingAgrees.why', { n: its.nChecked });
  const { nChecked: n, nBad: bad, nClaimed: claims } = its;
  const verdict = its.verdict === 'unconfirmed' ? 'honest' : its.verdict;
  if (its.profile === 'exact') {
    const values = { n, bad, claims, bound: percent(its.evidence.falseShareBound ?? 0, 2) };
    return t(verdict === 'honest' && n === claims ? 'verdict.exact.all.why' : `verdict.exact.${verdict}.why`, values);
  }
  const values = { n, bad, claims, p: probability(its.evidence.probabilityHonest), threshold: probability(its.rule.fraudThreshold) };
  return t(verdict === 'honest' && bad === 0 ? 'verdict.gonka.clean.why' : `verdict.gonka.${verdict}.why`, values);
}

/** Of a document with several submissions: what was found in how many. */
export function tallyOf({ submissions, unjudged }: Report): string {
  const words = (['fraud', 'unconfirmed', 'inconclusive', 'honest'] as const).flatMap((verdict) => {
    const n = submissions.filter((one) => one.verdict === verdict).length;
    return n > 0 ? [t('verdict.tally', { verdict: t(`verdict.${verdict}`).toLocaleLowerCase(), n })] : [];
  });
  if (unjudged.length > 0) words.push(t('verdict.tally', { verdict: t('verdict.tally.unjudged'), n: unjudged.length }));
  return words.join(' · ');
}

/** The verdict for pasting elsewhere. */
export function textOf(report: Report): string {
  return report.submissions.map((one) => `${one.place}: ${one.summary}\n${one.profile}, ${one.blockHash}, ${one.publicKey}`).join('\n');
}
