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
  weights: ['Generating the weights', '正在生成权重', 'Создание весов'],
  layers: ['Recomputing', '正在重算', 'Пересчёт'],
  done: ['Recomputing', '正在重算', 'Пересчёт'],
  honest: ['Honest', '诚实', 'Честно'],
  unconfirmed: ['Unconfirmed', '未确认', 'Не подтверждено'],
  inconclusive: ['Inconclusive', '无法判定', 'Не определено'],
  fraud: ['Fraud', '欺诈', 'Мошенничество'],
  incomplete: ['Incomplete', '不完整', 'Не полностью'],
  refused: ['Nothing could be judged', '没有可判定的内容', 'Проверять нечего'],
  unjudged: ['not judged', '无法判定', 'без вердикта'],
  nothingAgrees: ['No claim agrees', '没有一条声明相符', 'Ничего не сходится'],
  honestText: ['All {checked} nonces checked hold.', '所验证的 {checked} 个 nonce 全部成立。', 'Все проверенные nonce ({checked}) подтвердились.'],
  honestFewText: [
    '{bad} of {checked} nonces checked are bad: no more than an honest host may have.',
    '所验证的 {checked} 个 nonce 中有 {bad} 个不合格：诚实主机也可能出现。',
    'Негодных nonce: {bad} из {checked} проверенных, не больше, чем бывает у честного хоста.',
  ],
  fraudText: [
    '{bad} of {checked} nonces checked are false.',
    '所验证的 {checked} 个 nonce 中有 {bad} 个不成立。',
    'Ложных nonce: {bad} из {checked} проверенных.',
  ],
  inconclusiveText: [
    '{checked} of {claimed} nonces were checked, {bad} are false: too few to decide anything.',
    '共 {claimed} 个 nonce，验证了 {checked} 个，{bad} 个不成立：数量太少，不足以判定。',
    'Проверено nonce: {checked} из {claimed}, ложных {bad}: слишком мало для вывода.',
  ],
  sampledText: [
    '{checked} of {claimed} nonces were checked, {bad} are bad.',
    '共 {claimed} 个 nonce，验证了 {checked} 个，{bad} 个不合格。',
    'Проверено nonce: {checked} из {claimed}, негодных {bad}.',
  ],
  unconfirmedText: ['Only the document vouches for: {names}.', '仅由文档自己声明：{names}。', 'Только документ ручается за: {names}.'],
  'part-params': ['the model', '模型', 'модель'],
  'part-rule': ['the radius', '半径', 'радиус'],
  'part-sample': ['the sample', '样本', 'выборка'],
  proofs: ['{all} proofs:', '{all} 份证明：', 'Доказательств: {all};'],
  wrongContext: [
    'Not one of {checked} nonces agrees: another block hash, key or model was mined, or the claims are invented.',
    '{checked} 个 nonce 无一相符：挖矿时用的是另一个区块哈希、公钥或模型，或者声明是编造的。',
    'Из {checked} nonce не сходится ни один: другой хеш блока, ключ или модель либо выдумка.',
  ],
  model: ['Model', '模型', 'Модель'],
  radius: ['Radius', '半径', 'Радиус'],
  ownSizes: ['own sizes', '自定尺寸', 'свои размеры'],
  'from-verifier': ['set by this page', '由本页设定', 'задано страницей'],
  'from-network': ['the network’s', '网络规定', 'от сети'],
  'from-document': ['from the document', '来自文档', 'из документа'],
  'from-random': ['drawn at random', '随机抽取', 'случайно'],
  'from-whole': ['all', '全部', 'все'],
  left: ['{time} left', '剩余 {time}', 'осталось {time}'],
  firstProofs: ['The first {shown} of {total} proofs, false ones first.', '显示 {total} 份中的前 {shown} 份，无效的在前。', 'Первые {shown} из {total} доказательств, неверные сначала.'],
  otherClaims: [
    'The claimed distances differ from the recomputed ones by more than honest hardware does.',
    '声明的距离与重算的距离之差超出了诚实硬件的误差。',
    'Заявленные расстояния отличаются от пересчитанных больше, чем бывает у честного оборудования.',
  ],
  faultDigest: [
    'The digest of nonce {nonce} is not that of its logits, which proves fraud.',
    'nonce {nonce} 的摘要与其 logits 不符，足以证明欺诈。',
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
  tooLarge: ['The proof is larger than this page allows ({bytes} bytes).', '证明超过本页允许的大小（{bytes} 字节）。', 'Доказательство больше, чем допускает страница ({bytes} байт).'],
  timedOut: ['The check took longer than this page allows ({seconds} s).', '验证超过本页允许的时间（{seconds} 秒）。', 'Проверка длилась дольше, чем допускает страница ({seconds} с).'],
  rate: ['{n} nonces a second, {device}', '每秒 {n} 个 nonce，{device}', '{n} nonce в секунду, {device}'],
  profile: ['Profile', '方案', 'Профиль'],
  publicKey: ['Public key', '公钥', 'Открытый ключ'],
  blockHash: ['Block hash', '区块哈希', 'Хеш блока'],
  claimed: ['Nonces claimed', '声明的 nonce 数', 'Заявлено nonce'],
  checked: ['Recomputed', '已重算', 'Пересчитано'],
  bad: ['False', '不成立', 'Ложных'],
  probability: ['Chance for an honest host', '诚实主机出现此结果的概率', 'Вероятность у честного хоста'],
  nonces: ['Nonces', 'Nonce 列表', 'Список nonce'],
  nonce: ['Nonce', 'Nonce', 'Nonce'],
  claim: ['Claimed', '声明值', 'Заявлено'],
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
