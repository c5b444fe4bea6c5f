import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MpAuthError } from '../../src/errors'
import { logTo } from '../../src/log-to'
import { Logger, LogLevel } from '../../src/logger'
import { realtimeSink } from '../../src/realtime-sink'

describe('levels', () => {
  test.each([
    [LogLevel.NONE, []],
    [LogLevel.ERROR, ['error']],
    [LogLevel.WARN, ['error', 'warn']],
    [LogLevel.INFO, ['error', 'warn', 'info']],
    [LogLevel.DEBUG, ['error', 'warn', 'info', 'debug']],
  ])('%i lets through %j', (level, expected) => {
    const sink = vi.fn()
    const logger = new Logger({ level, sinks: [sink] })
    for (const method of ['error', 'warn', 'info', 'debug'] as const) logger[method]('x')
    expect(sink.mock.calls.map(([method]) => method)).toEqual(expected)
  })

  test('can be changed at any time', () => {
    const sink = vi.fn()
    const logger = new Logger({ sinks: [sink] })
    logger.info('no')
    logger.level = LogLevel.INFO
    logger.info('yes')
    expect(sink.mock.calls).toEqual([['info', ['yes']]])
  })
})

describe('console', () => {
  beforeEach(() => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.spyOn(console, 'info').mockImplementation(() => {})
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
  })

  test('gets warnings when nothing is said, and no secret', () => {
    const logger = new Logger()
    logger.info('no')
    logger.warn('login', { token: 'abc', reason: 'launch' })
    expect(console.info).not.toHaveBeenCalled()
    expect(vi.mocked(console.warn).mock.calls).toEqual([['login']])
  })

  test('gets the details too, redacted, once the app has asked for them', () => {
    const logger = new Logger()
    logTo(logger)
    logger.warn('login with token=abc', { token: 'abc', reason: 'launch' })
    expect(vi.mocked(console.warn).mock.calls).toEqual([
      ['login with token=[redacted]', { token: '[redacted]', reason: 'launch' }],
    ])
  })

  test('need not exist', () => {
    vi.stubGlobal('console', undefined)
    expect(() => new Logger().error('x')).not.toThrow()
  })
})

describe('sinks', () => {
  test('can be added and taken away', () => {
    const [first, second] = [vi.fn(), vi.fn()]
    const logger = new Logger({ sinks: [first] })
    const end = logger.addSink(second)
    logger.warn('a')
    end()
    logger.warn('b')
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([2, 1])
  })

  test('see of an error its code and its request, and of all else nothing', () => {
    const sink = vi.fn()
    const logger = new Logger({ sinks: [sink] })
    const cause = Object.assign(new Error('token=abc'), { code: '0a1b', requestId: 'x' })
    logger.warn('login', new MpAuthError('NETWORK', 'token=abc', { cause, requestId: 'f3a1', data: { code: '0a1b' } }))
    for (const about of [cause, 'abc', { code: '0a1b' }, ['abc'], null]) logger.warn('login', about)
    const [first, ...others] = sink.mock.calls
    expect(first).toEqual(['warn', ['login', { code: 'NETWORK', requestId: 'f3a1' }]])
    expect(new Set(others.map(([, args]) => JSON.stringify(args)))).toEqual(new Set(['["login"]']))
  })

  test('one that throws, or spoils what it gets, harms nobody', () => {
    const after = vi.fn()
    const spoil = (_: string, args: readonly unknown[]) => {
      ;(args[1] as { a: number }).a = 2
      throw new Error('full')
    }
    const logger = new Logger({ sinks: [spoil] })
    logTo(logger, after)
    const logged = { a: 1 }
    expect(() => logger.warn('x', logged)).not.toThrow()
    expect(after.mock.calls).toEqual([['warn', ['x', { a: 1 }]]])
    expect(logged).toEqual({ a: 1 })
  })

  test('those that the app has added with its wish for details go together', () => {
    const [first, second] = [vi.fn(), vi.fn()]
    const logger = new Logger({ sinks: [] })
    const end = logTo(logger, first, second)
    logger.warn('a')
    end()
    logger.warn('b')
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1])
  })
})

describe('realtime log', () => {
  const setup = () => {
    const manager = { info: vi.fn(), warn: vi.fn(), error: vi.fn(), setFilterMsg: vi.fn() }
    const logger = new Logger({ level: LogLevel.DEBUG, sinks: [] })
    logTo(logger, realtimeSink(manager))
    return { manager, logger }
  }
  const bytes = (text: string) => Buffer.byteLength(text)

  test('gets one text a call; debug goes to info', () => {
    const { manager, logger } = setup()
    logger.error('login', { code: 'NETWORK', token: 'abc' })
    logger.debug('x')
    expect(manager.error.mock.calls).toEqual([['login {"code":"NETWORK","token":"[redacted]"}']])
    expect(manager.info.mock.calls).toEqual([['x']])
  })

  test('gets a long text in parts of at most 5 KB, whole characters each', () => {
    const { manager, logger } = setup()
    const text = '登录😀'.repeat(1200)
    logger.warn(text)
    const parts = manager.warn.mock.calls.map(([part]) => String(part))
    expect(parts.length).toBeGreaterThan(1)
    for (const part of parts) expect(bytes(part)).toBeLessThanOrEqual(5 * 1024)
    expect(parts.join('')).toBe(text)
  })

  test('gets no more than four parts of a text', () => {
    const { manager, logger } = setup()
    logger.warn('long text '.repeat(10_000))
    expect(manager.warn).toHaveBeenCalledTimes(4)
  })

  test('is filtered by the id of a request', () => {
    const { manager, logger } = setup()
    logger.warn('login', { requestId: 'f3a1' })
    logger.warn('login')
    expect(manager.setFilterMsg.mock.calls).toEqual([['f3a1']])
  })

  test('does without filters on old base libraries', () => {
    const manager = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    new Logger({ sinks: [realtimeSink(manager)] }).warn('login', new MpAuthError('NETWORK', '', { requestId: 'f3a1' }))
    expect(manager.warn).toHaveBeenCalledOnce()
  })
})
