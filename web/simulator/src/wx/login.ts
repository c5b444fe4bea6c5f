import type { Context } from '../runtime/context'
import { asynchronous, synchronous, WxError } from './api'

/** What DevTools gives in place of a code when there is no AppID. */
const mockCode = 'the code is a mock one'

const greyAvatar =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'%3E%3Cpath fill='%23ccc' d='M0 0h2v2H0z'/%3E%3C/svg%3E"

export function loginApis(program: Context): Record<string, unknown> {
  const { phone } = program
  const reachable = () => {
    if (phone.device.networkType === 'none') throw new WxError('network is not available', 600001)
    if (program.suspended) throw new WxError('interrupted', 600003)
  }
  return {
    // Whether login gives a promise is told differently in different places; a program must not count on it.
    login: asynchronous(
      program,
      'login',
      async ({ timeout }) => {
        reachable()
        if (phone.account.loginBlocked) throw new WxError('wxa login is blocked', 1402101)
        const { appId } = phone.device
        if (phone.device.platform === 'devtools' && (appId === '' || appId === 'touristappid'))
          return { code: mockCode }
        return { code: await interruptible(program, withTimeout(newCode(program), timeout)) }
      },
      false,
    ),
    checkSession: asynchronous(program, 'checkSession', async () => {
      reachable()
      if (!(await sessionLives(program))) throw new WxError(sessionWords(program))
    }),
    getAccountInfoSync: synchronous(program, 'getAccountInfoSync', () => ({
      miniProgram: {
        appId: phone.device.appId,
        envVersion: phone.device.envVersion,
        version: phone.device.envVersion === 'release' ? phone.device.programVersion : '',
      },
    })),
    getUserInfo: asynchronous(program, 'getUserInfo', () => userInfo(program, 'getUserInfo')),
    getUserProfile: asynchronous(program, 'getUserProfile', async ({ desc }) => {
      if (typeof desc !== 'string' || desc === '')
        throw new WxError('parameter error: parameter.desc should be String instead of Undefined;')
      return userInfo(program, 'getUserProfile')
    }),
    getSetting: asynchronous(program, 'getSetting', () => ({ authSetting: {} })),
    setBackgroundFetchToken: asynchronous(program, 'setBackgroundFetchToken', () => undefined),
    getBackgroundFetchToken: asynchronous(program, 'getBackgroundFetchToken', () => {
      throw new WxError('no background fetch token')
    }),
  }
}

async function newCode(program: Context): Promise<string> {
  const { phone } = program
  const { appId } = phone.device
  await new Promise((resolve) => setTimeout(resolve, phone.device.latency))
  const code = await phone.wechat.loginCode(appId, phone.user)
  const { keyGeneration } = await phone.wechat.person(appId, phone.user)
  phone.sessions.set(`${appId}:${phone.user}`, { atCode: keyGeneration })
  return code
}

/**
 * Whether the session key of the last code is still the one that WeChat has. WeChat makes a key when a
 * code is exchanged, so one more key than at the code is no sign of another login.
 */
async function sessionLives(program: Context): Promise<boolean> {
  const { phone } = program
  const { keyGeneration } = await phone.wechat.person(phone.device.appId, phone.user)
  const session = phone.sessions.get(`${phone.device.appId}:${phone.user}`)
  if (!session) return keyGeneration > 0
  if (keyGeneration > (session.seen ?? session.atCode + 1)) return false
  if (keyGeneration > session.atCode) session.seen = keyGeneration
  return true
}

function sessionWords(program: Context): string {
  return program.device.platform === 'devtools'
    ? '系统错误，错误码：-13001,session time out or session not exist, need relogin'
    : 'session time out, need relogin'
}

/** Ends with the program's being suspended, as everything that needs the network does. */
async function interruptible<T>(program: Context, work: Promise<T>): Promise<T> {
  let suspended = () => {}
  const interrupted = new Promise<never>((_, reject) => {
    suspended = () => reject(new WxError('interrupted', 600003))
    program.on('suspend', suspended)
  })
  return Promise.race([work, interrupted]).finally(() => program.off('suspend', suspended))
}

async function withTimeout<T>(work: Promise<T>, timeout: unknown): Promise<T> {
  if (typeof timeout !== 'number') return work
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WxError('timeout', 5)), timeout)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/**
 * What WeChat tells of the person, once there is consent. Since 2022 everybody is the same to these APIs; what is
 * encrypted still tells who it is. Throws a WxError.
 */
export async function userInfo(program: Context, api: 'getUserInfo' | 'getUserProfile'): Promise<object> {
  await program.privacy.pass(api, 'userInfo')
  const { phone } = program
  const anybody = {
    nickName: '微信用户',
    gender: 0,
    language: 'zh_CN',
    city: '',
    province: '',
    country: '',
    avatarUrl: greyAvatar,
  }
  const sealed = await phone.wechat.encrypt(phone.device.appId, phone.user, 'profile', anybody).catch(() => undefined)
  return { userInfo: anybody, rawData: JSON.stringify(anybody), ...sealed }
}
