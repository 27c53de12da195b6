// Every text of the page, by key: English, Chinese, Russian. `{name}` is a value put in. Each page has its section.

import { CHAIN } from './check/chain-strings.ts';
import { CHECK } from './check/strings.ts';
import { TROUBLE } from './check/trouble-strings.ts';
import { VERDICT } from './check/verdict-strings.ts';
import { NETWORK } from './network/strings.ts';
import { TEACH } from './teach/strings.ts';
import { TRAINING } from './training/strings.ts';
import { TRANSCRIPT } from './transcript/strings.ts';
import { WALK } from './walk/strings.ts';

export const STRINGS = {
  ...CHAIN,
  ...CHECK,
  ...TROUBLE,
  ...VERDICT,
  ...NETWORK,
  ...TEACH,
  ...TRAINING,
  ...TRANSCRIPT,
  ...WALK,

  // Shell
  'app.title': ['sphere-pow: check a proof', 'sphere-pow：验证证明', 'sphere-pow: проверка доказательства'],
  'app.skip': ['Skip to the content', '跳到正文', 'К содержанию'],
  'app.pages': ['Pages', '页面', 'Страницы'],
  'app.check': ['Check a proof', '验证证明', 'Проверить'],
  'app.commitment': ['A host’s work', '全部工作', 'Вся работа'],
  'app.network': ['Network', '网络', 'Сеть'],
  'app.training': ['Training', '训练', 'Обучение'],
  'app.learn': ['How it works', '原理', 'Как это устроено'],
  'app.language': ['Language', '语言', 'Язык'],
  'app.theme': ['Colours', '配色', 'Цвета'],
  'app.theme.auto': ['As the system', '跟随系统', 'Как в системе'],
  'app.theme.light': ['Light', '浅色', 'Светлые'],
  'app.theme.dark': ['Dark', '深色', 'Тёмные'],
  'app.local': [
    'Everything is computed in this browser. Nothing is uploaded.',
    '一切都在此浏览器中计算，不上传任何数据。',
    'Всё считается в этом браузере. Ничего не отправляется.',
  ],
  'app.loading': ['Loading…', '正在加载…', 'Загрузка…'],
  'app.failed': ['This part of the page could not be loaded: {why}', '页面的这一部分无法加载：{why}', 'Эта часть страницы не загрузилась: {why}'],
} as const satisfies Record<string, readonly [string, string, string]>;

export type Key = keyof typeof STRINGS;
