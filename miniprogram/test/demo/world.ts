import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import vm from 'node:vm'
import { buildSchema, GraphQLError, type GraphQLSchema, graphql } from 'graphql'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '../..')
export const demo = join(root, 'demo')

/** The files of the demo that end so, by their path in it. */
export function files(end: string): string[] {
  return readdirSync(demo, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(end) && !/node_modules|miniprogram_npm/.test(path))
    .sort()
}

export const text = (path: string) => readFileSync(join(demo, path), 'utf8')

/** The contract of the server. */
export function contract(): GraphQLSchema {
  const schema = join(root, '../schema')
  const parts = readdirSync(schema).filter((name) => name.endsWith('.graphql'))
  return buildSchema(parts.map((name) => readFileSync(join(schema, name), 'utf8')).join('\n'))
}

let bundled: Promise<string> | undefined

/** The demo and the SDK as one script, in which each page and component says which it is before it registers. */
function bundle(): Promise<string> {
  bundled ??= (async () => {
    const units = files('.js').filter((path) => /^(app|(pages|components)\/.*)\.js$/.test(path))
    const entry = '\0demo'
    const build = await rolldown({
      input: entry,
      resolve: {
        alias: {
          ...Object.fromEntries(
            ['account', 'graphql', 'guards', 'texts'].map((name) => [
              `mpauth/${name}`,
              join(root, `src/entries/${name}.ts`),
            ]),
          ),
          mpauth: join(root, 'src/index.ts'),
        },
      },
      plugins: [
        {
          name: 'demo',
          resolveId: (id) => (id === entry ? id : null),
          load: (id) =>
            id === entry ? units.map((path) => `import ${JSON.stringify(join(demo, path))}`).join('\n') : null,
          transform(code, id) {
            const path = relative(demo, id).replace(/\.js$/, '')
            return units.includes(`${path}.js`)
              ? `${code}\n`.replace(/^(App|Page|Component)\(/m, `at('${path}'); $1(`)
              : null
          },
        },
      ],
    })
    const { output } = await build.generate({ format: 'iife' })
    await build.close()
    return output[0].code
  })()
  return bundled
}

// biome-ignore lint/suspicious/noExplicitAny: pages are whatever the demo makes of them.
export type Loose = any

export interface World {
  /** What the demo registered, by its path. */
  units: Map<string, Loose>
  stack: Loose[]
  /** What the person was told. */
  toasts: string[]
  /** What the person was asked whether they mean it, and whether they answer no: to that, and to the privacy guide. */
  modals: string[]
  refuses: boolean
  /** What popups were asked to show. */
  asked: string[][]
  /** Operations that reached the server. */
  sent: string[]
  storage: Map<string, unknown>
  /** Of the person, as the server has it. */
  user: { nickname: string | null; phone: { masked: string } | null }
  /** Opens a page as WeChat would. */
  open(url: string): Loose
  /** The session of the demo: the one that the SDK shares through getApp. */
  session(): Loose
}

/** A phone with the demo on it, and a server that keeps to the contract. */
export async function start(storage = new Map<string, unknown>(), language = 'zh_CN'): Promise<World> {
  const world = {
    units: new Map(),
    stack: [],
    toasts: [],
    modals: [],
    refuses: false,
    asked: [],
    sent: [],
    storage,
  } as unknown as World
  world.user = { nickname: null, phone: null }
  const app: Loose = {}
  let path = ''
  const register = (definition: Loose) => world.units.set(path, definition)
  world.session = () => Object.values(app.__mpAuth?.sessions ?? app.__mpauth?.sessions ?? {})[0]
  world.open = (url) => {
    const [route = '', query = ''] = url.replace(/^\//, '').split('?')
    const options = Object.fromEntries(
      query
        .split('&')
        .filter(Boolean)
        .map((pair) => pair.split('=')),
    )
    const page: Loose = { ...world.units.get(route), route, options, log: [] }
    page.data = { ...page.data }
    page.setData = (data: object) => Object.assign(page.data, data)
    page.selectComponent = (selector: string) => component(world, page, selector)
    world.stack.push(page)
    page.onLoad?.(options)
    page.onShow?.()
    return page
  }
  const wx = phone(world, language, answerer(world))
  const context = vm.createContext({
    wx,
    at: (name: string) => {
      path = name
    },
    App: register,
    Page: register,
    Component: register,
    getApp: () => app,
    getCurrentPages: () => world.stack,
    setTimeout,
    clearTimeout,
    console,
  })
  vm.runInContext(await bundle(), context)
  world.units.get('app').onLaunch()
  return world
}

function component(world: World, page: Loose, selector: string): Loose {
  const wxml = text(`${page.route}.wxml`)
  if (selector === '#auth-popup' && wxml.includes('<auth-popup')) {
    return { open: ({ need }: { need: string[] }) => world.asked.push([...need]), close() {} }
  }
  if (selector === '#log') return { add: (name: string) => page.log.push(name) }
  return null
}

type Answer = (request: { query: string; variables?: Loose; operationName?: string }) => Promise<unknown>

function answerer(world: World): Answer {
  const schema = contract()
  const user = () => {
    const { nickname, phone } = world.user
    const [hasProfile, hasPhone] = [nickname !== null, phone !== null]
    const missing = [...(hasProfile ? [] : ['PROFILE']), ...(hasPhone ? [] : ['PHONE'])]
    const authStep = !hasProfile ? 'ONE' : hasPhone ? 'THREE' : 'TWO'
    const times = { createdAt: '2026-01-01T00:00:00Z', lastLoginAt: '2026-01-01T00:00:00Z' }
    return {
      id: 'u1',
      nickname,
      avatarUrl: null,
      phone,
      hasProfile,
      hasPhone,
      hasUnionId: false,
      authStep,
      missing,
      ...times,
    }
  }
  const device = { name: 'iPhone 15', platform: 'ios', sdkVersion: '' }
  const seen = { createdAt: '2026-01-01T00:00:00Z', expiresAt: '2026-01-01T00:00:00Z' }
  const login = () => ({ token: 't', expiresIn: 600, refreshToken: 'r', isNewUser: false, user: user() })
  const closesAt = '2026-03-15T06:05:00Z'
  let closing = false
  const rootValue = {
    silentLogin: () => {
      if (closing)
        throw new GraphQLError('closing', { extensions: { code: 'ACCOUNT_CLOSING', action: 'NONE', closesAt } })
      return login()
    },
    deleteAccount: () => {
      closing = true
      return { closesAt }
    },
    restoreAccount: () => {
      closing = false
      return login()
    },
    exportMyData: () => ({ at: closesAt, json: '{"user":{}}' }),
    refreshToken: login,
    me: user,
    mustAuth: ({ step, need = [] }: Loose) => {
      const { authStep, missing } = user()
      const steps = ['ONE', 'TWO', 'THREE']
      const short = steps.indexOf(authStep) < steps.indexOf(step)
      const lacking = missing.filter((fact) => short || need.includes(fact))
      if (lacking.length === 0) return user()
      const extensions = {
        code: 'AUTH_STEP_REQUIRED',
        action: 'AUTHORIZE',
        have: authStep,
        need: lacking,
        next: lacking[0],
      }
      throw new GraphQLError('needs more', { extensions })
    },
    authFlow: () => ({ appId: 'wx', flow: ['PROFILE', 'PHONE'] }),
    sessions: () => [{ id: 's1', current: true, lastSeenAt: '2026-03-08T06:05:00.123456Z', device, ...seen }],
    revokeSession: () => ({ ok: true }),
    logout: () => ({ ok: true }),
    updateUser: ({ input }: Loose) => {
      world.user.nickname = input.removeProfile ? null : (input.nickname ?? world.user.nickname)
      return { user: user() }
    },
    updatePhone: () => {
      world.user.phone = { masked: '138****0000' }
      return { user: user() }
    },
    unbindPhone: () => {
      world.user.phone = null
      return { user: user() }
    },
  }
  return ({ query, variables, operationName }) => {
    world.sent.push(operationName ?? query)
    return graphql({ schema, source: query, rootValue, variableValues: variables, operationName }) as Promise<unknown>
  }
}

function phone(world: World, language: string, answer: Answer): Loose {
  const { storage, stack, toasts } = world
  const done = (options: Loose, result: object) =>
    Promise.resolve().then(() => options?.success?.({ errMsg: 'ok', ...result }))
  const go = (leave: () => void) => (options: Loose) => {
    leave()
    world.open(options.url)
    return done(options, {})
  }
  return {
    getAppBaseInfo: () => ({ language, SDKVersion: '3.5.8' }),
    getDeviceInfo: () => ({ model: 'iPhone 15', platform: 'ios' }),
    getSystemInfoSync: () => ({ language, model: 'iPhone 15', platform: 'ios' }),
    getAccountInfoSync: () => ({ miniProgram: { appId: 'wx', envVersion: 'develop' } }),
    getStorageSync: (key: string) => storage.get(key) ?? '',
    setStorageSync: (key: string, value: unknown) => storage.set(key, structuredClone(value)),
    removeStorageSync: (key: string) => storage.delete(key),
    canIUse: () => true,
    onAppShow() {},
    onNetworkStatusChange() {},
    setNavigationBarTitle() {},
    setTabBarItem() {},
    setClipboardData: (options: Loose) => {
      if (world.refuses) return Promise.resolve().then(() => options.fail?.({ errMsg: 'fail', errno: 104 }))
      toasts.push(options.data)
      return done(options, {})
    },
    showToast: ({ title }: { title: string }) => toasts.push(title),
    showModal: (options: Loose) => {
      world.modals.push(options.content)
      return done(options, { confirm: !world.refuses, cancel: world.refuses })
    },
    login: (options: Loose) => done(options, { code: 'code' }),
    request: (options: Loose) => {
      const { data } = options
      answer(typeof data === 'string' ? JSON.parse(data) : data).then((body) =>
        done(options, { statusCode: 200, header: {}, data: JSON.parse(JSON.stringify(body)) }),
      )
    },
    navigateTo: go(() => stack.at(-1)?.onHide?.()),
    redirectTo: go(() => stack.pop()?.onUnload?.()),
    switchTab: go(() => stack.splice(0).map((page) => page.onUnload?.())),
    navigateBack: (options: Loose) => {
      stack.pop()?.onUnload?.()
      stack.at(-1)?.onShow?.()
      return done(options, {})
    },
  }
}
