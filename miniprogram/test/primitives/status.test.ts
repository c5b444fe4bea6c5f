import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Status, StatusState } from '../../src/status'
import { FakeClock, outcome, settled } from '../support/fake-clock'

const unhandled = vi.fn()
beforeEach(() => {
  unhandled.mockReset()
  process.on('unhandledRejection', unhandled)
})
afterEach(() => process.off('unhandledRejection', unhandled))

/** Node reports unhandled rejections once its queue of promises has run dry. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('state', () => {
  test('goes from the start over going on to success or failure, and back', () => {
    const status = new Status<string>('login')
    expect(status.state).toBe(StatusState.UN_START)
    status.ing()
    expect([status.state, status.isIng(), status.isSuccess(), status.isFail()]).toEqual([1, true, false, false])
    status.success('token')
    expect([status.state, status.isIng(), status.isSuccess(), status.isFail()]).toEqual([2, false, true, false])
    expect(status.value).toBe('token')
    const error = new Error('offline')
    status.fail(error)
    expect([status.state, status.isIng(), status.isSuccess(), status.isFail()]).toEqual([-1, false, false, true])
    expect(status.error).toBe(error)
    expect(status.value).toBe('token')
    status.success('again')
    expect(status.error).toBeUndefined()
    status.reset()
    expect([status.state, status.value, status.error]).toEqual([0, undefined, undefined])
  })
})

describe('must', () => {
  test('resolves at once after a success', async () => {
    const status = new Status<number>('login')
    status.success(7)
    expect(await outcome(status.must())).toEqual({ value: 7 })
  })

  test('rejects at once after a failure that came before (D4)', async () => {
    const status = new Status('login')
    const error = new Error('offline')
    status.fail(error)
    expect(await outcome(status.must())).toEqual({ error })
  })

  test.each(['UN_START', 'ING'])('waits from %s', async (from) => {
    const status = new Status<number>('login')
    if (from === 'ING') status.ing()
    const promise = status.must()
    expect(await outcome(promise)).toBe('pending')
    status.success(1)
    expect(await outcome(promise)).toEqual({ value: 1 })
  })

  test('does not miss a success in the same tick (D4)', async () => {
    const status = new Status<number>('login')
    const promise = status.must()
    status.success(1)
    status.reset()
    status.fail(new Error('later'))
    expect(await outcome(promise)).toEqual({ value: 1 })
  })

  test('does not miss a failure in the same tick', async () => {
    const status = new Status('login')
    const error = new Error('offline')
    const promise = status.must()
    status.fail(error)
    status.reset()
    expect(await outcome(promise)).toEqual({ error })
  })

  test('goes on waiting over a reset', async () => {
    const status = new Status<number>('login')
    status.ing()
    const promise = status.must()
    status.reset()
    expect(await outcome(promise)).toBe('pending')
    status.success(2)
    expect(await outcome(promise)).toEqual({ value: 2 })
  })

  test('until success: waits out failures, earlier and later ones', async () => {
    const status = new Status<number>('login')
    status.fail(new Error('before'))
    const promise = status.must(null, { until: 'success' })
    status.fail(new Error('after'))
    expect(await outcome(promise)).toBe('pending')
    status.success(3)
    expect(await outcome(promise)).toEqual({ value: 3 })
  })

  test('wakes all who wait, in their order', async () => {
    const status = new Status<number>('login')
    const order: string[] = []
    for (const name of ['a', 'b', 'c']) void status.must(() => order.push(name))
    status.success(1)
    await settled()
    expect(order).toEqual(['a', 'b', 'c'])
  })

  test('calls the callback once with the value, and returns the promise too', async () => {
    const status = new Status<number>('login')
    const fn = vi.fn()
    const promise = status.must(fn)
    status.success(4)
    status.success(5)
    expect(await outcome(promise)).toEqual({ value: 4 })
    expect(fn.mock.calls).toEqual([[4]])
  })

  test('calls no callback after a failure, and the promise tells the failure', async () => {
    const status = new Status('login')
    const fn = vi.fn()
    const promise = status.must(fn)
    const error = new Error('offline')
    status.fail(error)
    expect(await outcome(promise)).toEqual({ error })
    expect(fn).not.toHaveBeenCalled()
  })

  test('with a callback, a promise that nobody takes raises no unhandled rejection', async () => {
    const status = new Status('login')
    void status.must(() => {})
    status.fail(new Error('offline'))
    void status.must(() => {})
    await turn()
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('without a callback, a failure that nobody takes is reported as any other', async () => {
    const status = new Status('login')
    const error = new Error('offline')
    void status.must()
    status.fail(error)
    await turn()
    expect(unhandled.mock.calls.map(([reason]) => reason)).toEqual([error])
  })

  test('does not hide what the callback itself throws, and nobody else suffers from it', async () => {
    const status = new Status<number>('login')
    const mistake = new TypeError('init is not a function')
    const promise = status.must(() => {
      throw mistake
    })
    const other = vi.fn()
    void status.must(other)
    status.success(1)
    await turn()
    expect(await outcome(promise)).toEqual({ value: 1 })
    expect(other).toHaveBeenCalledOnce()
    expect(unhandled.mock.calls.map(([reason]) => reason)).toEqual([mistake])
  })
})

describe('timeout', () => {
  test('rejects with TIMEOUT, and a success that comes later changes nothing', async () => {
    const clock = new FakeClock()
    const status = new Status<number>('login', { delay: clock.delay })
    const fn = vi.fn()
    const promise = status.must(fn, { timeoutMs: 3000 })
    await clock.advance(2999)
    expect(await outcome(promise)).toBe('pending')
    await clock.advance(1)
    expect(await outcome(promise)).toMatchObject({ error: { code: 'TIMEOUT', retryable: true } })
    status.success(1)
    await settled()
    expect(fn).not.toHaveBeenCalled()
  })

  test.each([
    ['success', 'settled'],
    ['fail', 'settled'],
    ['success', 'success'],
  ] as const)('is called off by a %s (until %s)', async (end, until) => {
    const clock = new FakeClock()
    const status = new Status<number>('login', { delay: clock.delay })
    const promise = status.must(() => {}, { timeoutMs: 3000, until })
    if (end === 'success') status.success(1)
    else status.fail(1)
    expect(await outcome(promise)).toEqual(end === 'success' ? { value: 1 } : { error: 1 })
    expect(clock.pending).toBe(0)
  })

  test('until success: a failure does not call it off', async () => {
    const clock = new FakeClock()
    const status = new Status<number>('login', { delay: clock.delay })
    const promise = status.must(null, { timeoutMs: 3000, until: 'success' })
    status.fail(1)
    await clock.advance(3000)
    expect(await outcome(promise)).toMatchObject({ error: { code: 'TIMEOUT' } })
  })

  test('is not measured when there is nothing to wait for', async () => {
    const clock = new FakeClock()
    const status = new Status<number>('login', { delay: clock.delay })
    status.success(1)
    await status.must(null, { timeoutMs: 3000 })
    expect(clock.pending).toBe(0)
  })
})

describe('onceSuccess and onceFail', () => {
  test('take a callback and return a promise (D5)', async () => {
    const status = new Status<number>('auth')
    const fn = vi.fn()
    const promise = status.onceSuccess(fn)
    status.success(3)
    expect(await outcome(promise)).toEqual({ value: 3 })
    expect(fn.mock.calls).toEqual([[3]])
  })

  test('onceSuccess waits for the next one: not the one before, and through failures', async () => {
    const status = new Status<number>('auth')
    status.success(1)
    const promise = status.onceSuccess()
    status.fail(new Error('closed'))
    expect(await outcome(promise)).toBe('pending')
    status.success(2)
    status.success(3)
    expect(await outcome(promise)).toEqual({ value: 2 })
  })

  test('onceFail resolves with the error of the next failure, through successes', async () => {
    const status = new Status<number>('auth')
    const fn = vi.fn()
    status.fail('before')
    const promise = status.onceFail(fn)
    status.success(2)
    expect(await outcome(promise)).toBe('pending')
    status.fail('closed')
    expect(await outcome(promise)).toEqual({ value: 'closed' })
    expect(fn.mock.calls).toEqual([['closed']])
  })
})

describe('track', () => {
  test('follows a promise to its success and returns it', async () => {
    const status = new Status<number>('login')
    const promise = Promise.resolve(1)
    expect(status.track(promise)).toBe(promise)
    expect(status.isIng()).toBe(true)
    expect(await outcome(status.must())).toEqual({ value: 1 })
  })

  test('follows a promise to its failure, with no unhandled rejection of its own', async () => {
    const status = new Status<number>('login')
    const error = new Error('offline')
    void status.track(Promise.reject(error))
    await turn()
    expect([status.isFail(), status.error]).toEqual([true, error])
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('an end that comes after something else has changed the state does not count', async () => {
    const status = new Status<number>('login')
    let answer: (value: number) => void = () => {}
    void status.track(
      new Promise<number>((resolve) => {
        answer = resolve
      }),
    )
    status.reset()
    answer(1)
    await settled()
    expect(status.state).toBe(StatusState.UN_START)
  })
})

describe('subscribe', () => {
  test('is told of every change until it ends', () => {
    const status = new Status<number>('login')
    const seen: number[] = []
    const end = status.subscribe((s) => seen.push(s.state))
    status.ing()
    status.success(1)
    status.fail(1)
    status.reset()
    end()
    status.ing()
    expect(seen).toEqual([1, 2, -1, 0])
  })

  test('one that throws stops neither the others nor those who wait', async () => {
    const heard = vi.fn()
    const status = new Status<number>('login', { onError: heard })
    const other = vi.fn()
    status.subscribe(() => {
      throw new Error('a mistake')
    })
    status.subscribe(other)
    const promise = status.must()
    status.success(1)
    expect(await outcome(promise)).toEqual({ value: 1 })
    expect(other).toHaveBeenCalledOnce()
    expect(heard).toHaveBeenCalledWith(new Error('a mistake'))
  })

  test('one that changes the state from within takes nothing from those who wait', async () => {
    const status = new Status<number>('login')
    const end = status.subscribe(() => {
      end()
      status.reset()
    })
    const promise = status.must()
    status.success(1)
    expect(await outcome(promise)).toEqual({ value: 1 })
    expect(status.state).toBe(StatusState.UN_START)
  })

  test('the same function twice is two subscribers', () => {
    const status = new Status('login')
    const fn = vi.fn()
    const end = status.subscribe(fn)
    status.subscribe(fn)
    end()
    status.ing()
    expect(fn).toHaveBeenCalledOnce()
  })
})
