// "Confirm from the chain".

export const CHAIN = {
  'chain.title': ['Confirm from the chain', '从链上确认', 'Подтвердить по цепочке'],
  'chain.lead': [
    'Block hash, key, model and radius need not be typed: from one block that you trust, signatures and proofs of state lead to them. The node that answers need not be trusted.',
    '区块哈希、公钥、模型和半径不必手工输入：从一个您信任的区块出发，签名和状态证明会推出它们，无需信任应答的节点。',
    'Хеш блока, ключ, модель и радиус можно не вводить: от одного блока, которому вы доверяете, к ним ведут подписи и доказательства состояния. Узлу, который отвечает, доверять не нужно.',
  ],
  'chain.trust': ['Trusted block', '可信区块', 'Доверенный блок'],
  'chain.trust.help': [
    'Height and hash, as 100:4D1A…, from a source of your own.',
    '高度和哈希，例如 100:4D1A…，来自您自己的渠道。',
    'Высота и хеш, например 100:4D1A…, из вашего собственного источника.',
  ],
  'chain.height': ['Height of the proof’s block', '证明所在区块的高度', 'Высота блока доказательства'],
  'chain.account': ['Account of the host', '主机账户', 'Аккаунт хоста'],
  'chain.days': ['Days for which validators are trusted', '验证人受信任的天数', 'Сколько дней доверять валидаторам'],
  'chain.days.help': ['Less than the chain’s unbonding.', '应短于该链的解绑期。', 'Меньше срока разблокировки стейка.'],
  'chain.replies': ['Replies of a node', '节点的应答', 'Ответы узла'],
  'chain.pasted': ['Or paste them here', '或粘贴到此处', 'Или вставьте их сюда'],
  'chain.replies.help': [
    'Of commit, validators, header, block, blockchain and abci_query with prove=true: as they are, in any order.',
    'commit、validators、header、block、blockchain 以及带 prove=true 的 abci_query 的应答：原样、顺序不限。',
    'На commit, validators, header, block, blockchain и abci_query с prove=true: как есть, в любом порядке.',
  ],
  'chain.confirm': ['Confirm', '确认', 'Подтвердить'],
  'chain.confirmed': ['Confirmed, and taken over above', '已确认，并已填入上方', 'Подтверждено и перенесено выше'],
  'chain.refused': ['Nothing is confirmed', '未确认任何内容', 'Ничего не подтверждено'],
  'reason.trust': ['This is no height and hash of a block.', '这不是区块的高度和哈希。', 'Это не высота и хеш блока.'],
  'reason.reply': ['A reply is none that is read here.', '有一个应答无法识别。', 'Один из ответов здесь не читается.'],
  'reason.conflict': ['Two replies differ on one block.', '两个应答对同一区块说法不一。', 'Два ответа расходятся об одном блоке.'],
  'reason.missing-reply': ['One more reply is needed.', '还缺少一个应答。', 'Нужен ещё один ответ.'],
  'reason.untrusted': ['The block at the trusted height is another one.', '可信高度上的区块不是这一个。', 'На доверенной высоте другой блок.'],
  'reason.forged': ['A reply does not follow from the trusted block.', '有一个应答无法由可信区块推出。', 'Ответ не следует из доверенного блока.'],
  'reason.expired': ['The signatures are too old to bind: trust a later block.', '签名过旧，不再有约束力：请信任更新的区块。', 'Подписи слишком стары: доверьтесь более позднему блоку.'],
  'reason.unconfirmed': ['The block or account asked for is not confirmed.', '所询问的区块或账户未得到确认。', 'Запрошенный блок или аккаунт не подтверждён.'],
} as const satisfies Record<string, readonly [string, string, string]>;
