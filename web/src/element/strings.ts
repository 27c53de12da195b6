// What the element says: English, Chinese, Russian. It is built by itself, so its texts are not among the page's.

export const STRINGS = {
  title: ['Proof of work', '工作量证明', 'Доказательство работы'],
  idle: [
    'Not checked yet. Checking runs in this browser; nothing is uploaded.',
    '尚未验证。验证在本浏览器中进行，不会上传任何数据。',
    'Ещё не проверено. Проверка идёт в этом браузере, ничего не отправляется.',
  ],
  check: ['Check it here', '在此验证', 'Проверить здесь'],
  again: ['Check again', '重新验证', 'Проверить ещё раз'],
  cancel: ['Cancel', '取消', 'Отменить'],
  loading: ['Reading the proof', '正在读取证明', 'Чтение доказательства'],
  running: ['{done} of {total} nonces recomputed', '已重算 {total} 个 nonce 中的 {done} 个', 'пересчитано nonce: {done} из {total}'],
  pool: ['Making the weights', '正在生成权重', 'Создание весов'],
  weights: ['Making the weights', '正在生成权重', 'Создание весов'],
  layers: ['Recomputing', '正在重算', 'Пересчёт'],
  distance: ['Recomputing', '正在重算', 'Пересчёт'],
  verdict: ['Recomputing', '正在重算', 'Пересчёт'],
  left: ['{time} left', '剩余 {time}', 'осталось {time}'],
  valid: ['Valid', '有效', 'Верно'],
  invalid: ['Invalid', '无效', 'Неверно'],
  inconclusive: ['Inconclusive', '无法判定', 'Не определено'],
  validText: ['All {checked} nonces checked hold.', '所检查的 {checked} 个 nonce 全部成立。', 'Все проверенные nonce ({checked}) подтвердились.'],
  validFewText: [
    '{bad} of {checked} nonces checked are bad: no more than an honest host may have.',
    '所检查的 {checked} 个 nonce 中有 {bad} 个不合格：诚实主机也可能出现。',
    'Негодных nonce: {bad} из {checked} проверенных, не больше, чем бывает у честного узла.',
  ],
  invalidText: [
    '{bad} of {checked} nonces checked are false.',
    '所检查的 {checked} 个 nonce 中有 {bad} 个不成立。',
    'Ложных nonce: {bad} из {checked} проверенных.',
  ],
  inconclusiveText: [
    '{bad} of {checked} nonces checked are false; that decides nothing.',
    '所检查的 {checked} 个 nonce 中有 {bad} 个不成立，尚不足以判定。',
    'Ложных nonce: {bad} из {checked} проверенных; этого мало для вывода.',
  ],
  sampledText: [
    'None of the {checked} nonces checked is false; {claimed} are claimed.',
    '所检查的 {checked} 个 nonce 均成立；共声称 {claimed} 个。',
    'Среди {checked} проверенных nonce ложных нет; заявлено {claimed}.',
  ],
  proofs: [
    '{all} proofs: {valid} valid, {invalid} invalid, {inconclusive} inconclusive.',
    '共 {all} 份证明：有效 {valid}，无效 {invalid}，无法判定 {inconclusive}。',
    'Доказательств: {all}; верных {valid}, неверных {invalid}, неопределённых {inconclusive}.',
  ],
  firstProofs: ['The first {shown} of {total} proofs, false ones first.', '显示 {total} 份中的前 {shown} 份，无效的在前。', 'Первые {shown} из {total} доказательств, неверные сначала.'],
  wrongContext: [
    'The recomputed distances scatter about √2, as unrelated ones do: another block hash, key or model was mined.',
    '重算的距离散布在 √2 附近，与无关数据无异：挖矿时用的是另一个区块哈希、公钥或模型。',
    'Пересчитанные расстояния рассеяны около √2, как у несвязанных данных: майнили с другим хешем блока, ключом или моделью.',
  ],
  otherClaims: [
    'The claimed distances differ from the recomputed ones by more than honest hardware does.',
    '声称的距离与重算的距离之差超出了诚实硬件的误差。',
    'Заявленные расстояния отличаются от пересчитанных больше, чем бывает у честного оборудования.',
  ],
  faultDigest: [
    'The digest of nonce {nonce} is not that of its logits, which proves fraud.',
    'nonce {nonce} 的摘要与其 logits 不符，足以证明作弊。',
    'Дайджест nonce {nonce} не соответствует его логитам: это доказывает обман.',
  ],
  faultNotWon: [
    'Nonce {nonce} does not win, though its digest is true.',
    'nonce {nonce} 的摘要属实，但并未获胜。',
    'Nonce {nonce} не выигрывает, хотя его дайджест верен.',
  ],
  cancelled: ['Cancelled.', '已取消。', 'Отменено.'],
  failed: ['It could not be checked', '无法验证', 'Проверить не удалось'],
  missing: ['The proof does not say enough; set {names}.', '证明信息不足，请设置 {names}。', 'В доказательстве не хватает данных; задайте {names}.'],
  empty: ['There is no proof here.', '此处没有证明。', 'Здесь нет доказательства.'],
  unreachable: ['The proof could not be fetched: {status}', '无法获取证明：{status}', 'Не удалось получить доказательство: {status}'],
  profile: ['Profile', '方案', 'Профиль'],
  publicKey: ['Public key', '公钥', 'Открытый ключ'],
  blockHash: ['Block hash', '区块哈希', 'Хеш блока'],
  claimed: ['Nonces claimed', '声称的 nonce 数', 'Заявлено nonce'],
  checked: ['Recomputed', '已重算', 'Пересчитано'],
  bad: ['False', '不成立', 'Ложных'],
  probability: ['Chance for an honest host', '诚实主机出现此结果的概率', 'Вероятность у честного узла'],
  nonces: ['Nonces', 'Nonce 列表', 'Список nonce'],
  nonce: ['Nonce', 'Nonce', 'Nonce'],
  claim: ['Claimed', '声称值', 'Заявлено'],
  recomputed: ['Recomputed', '重算值', 'Пересчитано'],
  holds: ['Holds', '成立', 'Верно'],
  yes: ['yes', '是', 'да'],
  no: ['no', '否', 'нет'],
  first: [
    'The first {shown} of {total}, false ones first.',
    '显示 {total} 个中的前 {shown} 个，不成立的在前。',
    'Первые {shown} из {total}, ложные сначала.',
  ],
  progress: ['Progress of the check', '验证进度', 'Ход проверки'],
} as const satisfies Record<string, readonly [string, string, string]>;

export type Key = keyof typeof STRINGS;

/** In the order of the columns. */
const LANGUAGES = ['en', 'zh', 'ru'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The language of a tag such as `zh-Hans`, English for others. */
export function languageOf(tag: string | null | undefined): Language {
  const primary = tag?.toLowerCase().split('-')[0];
  return LANGUAGES.find((language) => language === primary) ?? 'en';
}

/** Text in a language; `{name}` is replaced by `values.name`. */
export function say(language: Language, key: Key, values: Record<string, string> = {}): string {
  return STRINGS[key][LANGUAGES.indexOf(language)]!.replace(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all);
}
