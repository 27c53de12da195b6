// The page that checks a proof.

import { t } from '../i18n.ts';

export function CheckPage() {
  return <h1>{t('app.check')}</h1>;
}
