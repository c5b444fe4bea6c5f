import { component } from 'glass-easel-miniprogram-adapter'
import type { Context } from '../runtime/context'
import { asynchronous, synchronous } from './api'
import { canIUse } from './library'

export function systemApis(program: Context): Record<string, unknown> {
  const { device, screen } = program.phone
  const appBase = () => ({
    SDKVersion: device.SDKVersion,
    version: device.version,
    language: device.language,
    theme: device.theme,
    enableDebug: false,
    fontSizeSetting: device.fontSizeSetting,
    host: { env: 'WeChat' },
  })
  const deviceInfo = () => ({
    abi: 'arm64-v8a',
    benchmarkLevel: 30,
    brand: device.brand,
    model: device.model,
    system: device.system,
    platform: device.platform,
  })
  const windowInfo = () => {
    const [windowWidth, windowHeight] = [screen.clientWidth, screen.clientHeight]
    const screenHeight = windowHeight + device.statusBarHeight + 44
    return {
      pixelRatio: devicePixelRatio,
      screenWidth: windowWidth,
      screenHeight,
      windowWidth,
      windowHeight,
      statusBarHeight: device.statusBarHeight,
      screenTop: device.statusBarHeight + 44,
      safeArea: { left: 0, top: 0, right: windowWidth, bottom: windowHeight, width: windowWidth, height: windowHeight },
    }
  }
  const everything = () => ({ ...appBase(), ...deviceInfo(), ...windowInfo() })
  const network = () => ({ networkType: device.networkType, isConnected: device.networkType !== 'none' })
  return {
    getSystemInfoSync: synchronous(program, 'getSystemInfoSync', everything),
    getSystemInfo: asynchronous(program, 'getSystemInfo', everything),
    getSystemInfoAsync: asynchronous(program, 'getSystemInfoAsync', everything),
    getAppBaseInfo: synchronous(program, 'getAppBaseInfo', appBase),
    getDeviceInfo: synchronous(program, 'getDeviceInfo', deviceInfo),
    getWindowInfo: synchronous(program, 'getWindowInfo', windowInfo),
    getMenuButtonBoundingClientRect: synchronous(program, 'getMenuButtonBoundingClientRect', () => {
      const [width, height, top] = [87, 32, device.statusBarHeight + 4]
      const right = screen.clientWidth - 7
      return { width, height, top, bottom: top + height, right, left: right - width }
    }),
    getLaunchOptionsSync: synchronous(program, 'getLaunchOptionsSync', () => program.launch),
    getEnterOptionsSync: synchronous(program, 'getEnterOptionsSync', () => program.entered),
    getNetworkType: asynchronous(program, 'getNetworkType', network),
    setClipboardData: asynchronous(program, 'setClipboardData', async ({ data }) => {
      await program.privacy.pass('setClipboardData', 'clipboard')
      program.surroundings.setClipboard(String(data))
    }),
    canIUse: synchronous(program, 'canIUse', (schema: unknown) => canIUse(program, String(schema))),
    nextTick: (run: () => void) => void Promise.resolve().then(() => program.guard('nextTick', run)),
    createSelectorQuery: () => {
      const top = program.navigation.top?.instance
      return top ? top.createSelectorQuery() : component.ComponentCaller.prototype.createSelectorQuery.call({} as never)
    },
    env: { USER_DATA_PATH: device.platform === 'devtools' ? 'http://usr' : 'wxfile://usr' },
    ...listeners(program),
  }
}

/** The pairs of on and off for what happens to the whole program. */
function listeners(program: Context): Record<string, unknown> {
  const names = [
    'AppShow',
    'AppHide',
    'NetworkStatusChange',
    'ThemeChange',
    'Error',
    'UnhandledRejection',
    'WindowResize',
    'MemoryWarning',
  ]
  return Object.fromEntries(
    names.flatMap((name) => {
      const event = name[0]!.toLowerCase() + name.slice(1)
      return [
        [`on${name}`, (listener: (value: never) => void) => program.on(event, listener)],
        [`off${name}`, (listener?: (value: never) => void) => program.off(event, listener)],
      ]
    }),
  )
}
