// A report's verdict in words.

import type { Report } from '../engine/types.ts';
import { percent, probability, t } from '../i18n.ts';

export function headlineOf(report: Report): string {
  return t(`verdict.${report.profile}.${report.state}`);
}

export function sentenceOf(report: Report): string {
  const claims = report.nClaimed;
  if (report.profile === 'exact') {
    const values = { n: report.nChecked, bad: report.nInvalid, claims, bound: percent(report.falseShareBound ?? 0, 2) };
    return t(`verdict.exact.${report.state}.why`, values);
  }
  const { nChecked: n, nInvalid: bad, probabilityHonest } = report.verdict;
  const values = { n, bad, claims, p: probability(probabilityHonest), threshold: probability(report.fraudThreshold) };
  return t(`verdict.gonka.${report.state}.why`, values);
}

/** Whether the claims look like those of another block, key or model: then nothing is said of whoever mined them. */
export function wrongContext(report: Report): boolean {
  if (report.profile === 'gonka') return report.advisory.looksLikeWrongContext;
  return report.nChecked > 3 && report.nInvalid === report.nChecked && report.fault?.code === 'digest';
}
