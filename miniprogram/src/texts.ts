import type { ErrorCode } from './errors'

export type Language = 'zh' | 'en'

/** The same words in both languages. */
type Words = readonly [zh: string, en: string]

const later: Words = ['服务繁忙，请稍后再试', 'We are busy right now. Please try again in a moment']
const offline: Words = ['网络不给力，请检查网络后重试', 'No connection. Please check your network and try again']
const wait: Words = ['操作太频繁，请等待{wait}后再试', 'Too many tries. Please wait {wait} and try again']
const loginAgain: Words = ['登录已失效，请重新登录', 'You are no longer logged in. Please log in again']
const loginFailed: Words = ['登录没有成功，请重试', 'Logging in did not work. Please try again']
const tapAgain: Words = ['没有成功，请再点一次按钮', 'That did not work. Please tap the button again']
const unavailable: Words = [
  '该功能暂不可用，请联系客服',
  'This is not available right now. Please contact customer service',
]
const allow: Words = ['需要同意后才能继续，请再点一次并选择“允许”', 'To go on, please tap again and choose "Allow"']

/** What a customer reads when something goes wrong: what it is, in their words, and what they can do. */
const errors: Readonly<Record<ErrorCode, Words>> = {
  UNAUTHENTICATED: loginAgain,
  TOKEN_EXPIRED: loginAgain,
  SESSION_REVOKED: loginAgain,
  AUTH_STEP_REQUIRED: ['还差一步，请先补全资料', 'One more step: please complete your details first'],
  FORBIDDEN: ['无法进行此操作，请联系客服', 'You cannot do this. Please contact customer service'],
  LOGIN_CODE_INVALID: loginFailed,
  LOGIN_BLOCKED: [
    '微信提示该账号存在风险，暂时无法登录，请联系客服',
    'WeChat does not let this account log in for now. Please contact customer service',
  ],
  ACCOUNT_DISABLED: ['该账号已停用，请联系客服', 'This account is disabled. Please contact customer service'],
  ACCOUNT_CLOSING: [
    '该账号正在注销，如需保留请先撤销注销',
    'This account is being closed. To keep it, please cancel the closing first',
  ],
  CONSENT_REQUIRED: ['请先阅读并同意相关条款，再继续使用', 'Please read and agree to the terms first, then go on'],
  PHONE_CODE_INVALID: tapAgain,
  DECRYPT_WX_OPEN_DATA_FAIL: tapAgain,
  PHONE_TAKEN: [
    '该手机号已被其他账号使用，请更换手机号或联系客服',
    'This number belongs to another account. Please use another one or contact customer service',
  ],
  CONTENT_RISKY: ['内容未通过审核，请修改后再试', 'This text is not allowed. Please change it and try again'],
  RATE_LIMITED: wait,
  WECHAT_UNAVAILABLE: [
    '微信暂时没有响应，请稍后再试',
    'WeChat does not answer right now. Please try again in a moment',
  ],
  UNAVAILABLE: later,
  BAD_INPUT: ['填写的内容有误，请修改后再试', 'Something you entered is not right. Please check it and try again'],
  NOT_FOUND: ['没有找到，请返回后重试', 'This was not found. Please go back and try again'],
  INTERNAL: ['出了点问题，请稍后再试', 'Something went wrong. Please try again in a moment'],
  WX_LOGIN_FAILED: loginFailed,
  NETWORK: offline,
  TIMEOUT: ['等待太久了，请检查网络后重试', 'This took too long. Please check your network and try again'],
  SERVER: later,
  GRAPHQL: ['操作没有成功，请稍后再试', 'That did not work. Please try again in a moment'],
  AUTH_REPLAY_FAILED: loginAgain,
  FUSE_OPEN: wait,
  QUEUE_OVERFLOW: later,
  LOGGED_OUT: ['已退出登录，请重新登录', 'You have logged out. Please log in again'],
  USER_DENIED: allow,
  USER_CANCELLED: ['已取消，需要时请再点一次', 'Cancelled. Tap again whenever you like'],
  PRIVACY_DENIED: [
    '需要同意隐私保护指引后才能继续，请稍等片刻再点一次',
    'To go on, please agree to the privacy guide: wait a moment, then tap again',
  ],
  PRIVACY_UNDECLARED: unavailable,
  PHONE_QUOTA_EXHAUSTED: [
    '暂时无法获取手机号，请稍后再试或联系客服',
    'Your number cannot be read right now. Please try again later or contact customer service',
  ],
  NO_AUTH_HOST: unavailable,
  STALE: ['登录状态有变化，请重试', 'Your login has changed meanwhile. Please try again'],
  UNSUPPORTED: ['当前微信版本不支持，请升级微信后重试', 'Please update WeChat and try again'],
  CONFIG: unavailable,
}

/** Every code. */
export const errorCodes = Object.keys(errors) as readonly ErrorCode[]

/** What the components say. `{name}` is the name of the privacy guide: WeChat's, or `privacyName` where it has none. */
const labelWords = {
  title: ['登录后继续', 'Log in to continue'],
  close: ['关闭', 'Close'],
  skip: ['暂不', 'Not now'],
  retry: ['重试', 'Try again'],
  loading: ['加载中…', 'Loading…'],
  saving: ['保存中…', 'Saving…'],
  done: ['已完成', 'All done'],
  doneHint: ['可以继续了', 'You can go on now'],
  tapAgain: ['请再点一次', 'Please tap again'],
  profileTitle: ['完善头像和昵称', 'Your picture and name'],
  profileHint: ['让大家认识你', 'So that others know you'],
  avatar: ['选择头像', 'Choose a picture'],
  nickname: ['昵称', 'Name'],
  nicknamePlaceholder: ['请输入昵称', 'Enter a name'],
  nicknameRejected: ['该昵称未通过审核，请换一个', 'This name is not allowed. Please choose another'],
  nicknameShort: ['昵称太短，请多写几个字', 'This name is too short. Please write a little more'],
  save: ['保存', 'Save'],
  legacyProfile: ['使用微信头像和昵称', 'Use my WeChat profile'],
  phoneTitle: ['绑定手机号', 'Add your phone number'],
  phoneHint: ['用于识别会员身份和联系你', 'So that we know you as a member and can reach you'],
  phoneButton: ['微信手机号快捷登录', 'Use my WeChat number'],
  privacyTitle: ['隐私保护提示', 'Your privacy'],
  privacyText: [
    '继续使用前，请阅读并同意{name}。不同意也可以浏览其他内容。',
    'Before you go on, please read and agree to {name}. You can look around without agreeing.',
  ],
  privacyName: ['《隐私保护指引》', 'the privacy guide'],
  privacyContract: ['查看{name}', 'Read {name}'],
  privacyAgree: ['同意', 'Agree'],
  privacyDisagree: ['不同意', 'Disagree'],
} as const satisfies Record<string, Words>

export type LabelName = keyof typeof labelWords
export type Labels = Record<LabelName, string>

/** Words of one's own, by the code of an error or the name of a label. */
export type OwnTexts = { readonly [K in ErrorCode | LabelName]?: string }

/** Words of one's own, by language. */
export type TextOverrides = { readonly [L in Language]?: OwnTexts }

let overrides: readonly TextOverrides[] = []

/**
 * Replaces words, in this copy of the SDK; later replacements win. `{wait}` in the text of an error becomes how long
 * to wait, `{name}` in a label the name of the privacy guide. Returns what takes them back.
 */
export function setTexts(texts: TextOverrides): () => void {
  overrides = [texts, ...overrides]
  return () => {
    overrides = overrides.filter((other) => other !== texts)
  }
}

function wordsFor(name: ErrorCode | LabelName, words: Words, language: Language): string {
  for (const texts of overrides) {
    const own = texts[language]?.[name]
    if (own !== undefined) return own
  }
  return words[language === 'en' ? 1 : 0]
}

/** How long, in the largest unit that says it well; rounded up, because too early would be refused again. */
function duration(ms: number, language: Language): string {
  const units = [
    [1000, '秒', 'second'],
    [60_000, '分钟', 'minute'],
    [3_600_000, '小时', 'hour'],
  ] as const
  const [size, zh, en] = ms <= 90_000 ? units[0] : ms <= 5_400_000 ? units[1] : units[2]
  const n = Math.max(1, Math.ceil(ms / size))
  return language === 'en' ? `${n} ${en}${n === 1 ? '' : 's'}` : ` ${n} ${zh}`
}

/**
 * What to show a person about an error: what happened, and what they can do. Takes whatever was thrown, or any
 * object with a `code`; what is not from this SDK gets the words of INTERNAL. `own` are words for this once.
 */
export function textOf(error: unknown, language: Language = 'zh', own?: OwnTexts | null): string {
  const { code, retryAfterMs } = (error ?? {}) as { code?: unknown; retryAfterMs?: unknown }
  const known = errorCodes.includes(code as ErrorCode) ? (code as ErrorCode) : 'INTERNAL'
  const moment = language === 'en' ? 'a moment' : '片刻'
  const time = typeof retryAfterMs === 'number' ? duration(retryAfterMs, language) : moment
  return (own?.[known] ?? wordsFor(known, errors[known], language)).replace('{wait}', time)
}

/** The words of the components. */
export function labels(language: Language = 'zh'): Labels {
  const result = {} as Labels
  for (const name of Object.keys(labelWords) as LabelName[]) {
    result[name] = wordsFor(name, labelWords[name], language)
  }
  return result
}
