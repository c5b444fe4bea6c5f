import { describe, expect, test, vi } from 'vitest'
import { LockQueue } from '../../src/lock-queue'
import { outcome, settled } from '../support/fake-clock'

/** A call whose end the test decides. */
function flight<T = unknown>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((ok, fail) => {
    resolve = ok
    reject = fail
  })
  return { resolve, reject, fn: vi.fn(() => promise) }
}

describe('one flight', () => {
  test('is shared by all who call meanwhile, with its result', async () => {
    const queue = new LockQueue()
    const { fn, resolve } = flight<string>()
    const calls = Array.from({ length: 20 }, () => queue.run(fn))
    expect(queue.busy).toBe(true)
    resolve('token')
    expect(await Promise.all(calls)).toEqual(Array(20).fill('token'))
    expect(fn).toHaveBeenCalledOnce()
    expect(queue.busy).toBe(false)
  })

  test('is shared with its error', async () => {
    const queue = new LockQueue()
    const { fn, reject } = flight()
    const calls = [queue.run(fn), queue.run(fn), queue.run(fn)]
    const error = new Error('offline')
    reject(error)
    for (const call of calls) expect(await outcome(call)).toEqual({ error })
    expect(fn).toHaveBeenCalledOnce()
    expect(queue.busy).toBe(false)
  })

  test('is over once it has ended: the next call flies itself, waiters do not (D1)', async () => {
    const queue = new LockQueue()
    const first = flight<number>()
    const second = vi.fn(async () => 2)
    const calls = [queue.run(first.fn), queue.run(second), queue.run(second)]
    first.resolve(1)
    expect(await Promise.all(calls)).toEqual([1, 1, 1])
    expect(second).not.toHaveBeenCalled()
    expect(await queue.run(second)).toBe(2)
    expect(second).toHaveBeenCalledOnce()
  })

  test('may be a plain value', async () => {
    expect(await new LockQueue().run(() => 1)).toBe(1)
  })

  test('that throws before it has a promise rejects, and frees the lock', async () => {
    const queue = new LockQueue()
    const error = new Error('a mistake')
    const call = queue.run(() => {
      throw error
    })
    expect(await outcome(call)).toEqual({ error })
    expect(await queue.run(() => 'next')).toBe('next')
  })

  test('begins within the call, as the code reads', () => {
    const { fn } = flight()
    void new LockQueue().run(fn)
    expect(fn).toHaveBeenCalledOnce()
  })

  test('has the lock from its first statement on', async () => {
    const queue = new LockQueue()
    const inner = vi.fn(async () => 'inner')
    let joined: Promise<string> | undefined
    const outer = queue.run(async () => {
      joined = queue.run(inner)
      return 'outer'
    })
    expect([await outer, await joined]).toEqual(['outer', 'outer'])
    expect(inner).not.toHaveBeenCalled()
  })
})

describe('waiters', () => {
  test('beyond the most are rejected at once, and never left pending (D14)', async () => {
    const queue = new LockQueue({ name: 'login', maxQueue: 2 })
    const { fn, resolve } = flight<number>()
    const calls = [queue.run(fn), queue.run(fn), queue.run(fn)]
    const refused = [queue.run(fn), queue.run(fn)]
    for (const call of refused) {
      expect(await outcome(call)).toMatchObject({ error: { code: 'QUEUE_OVERFLOW', message: 'QUEUE_OVERFLOW: login' } })
    }
    resolve(1)
    expect(await Promise.all(calls)).toEqual([1, 1, 1])
  })

  test('are a hundred at most when it is not told', async () => {
    const queue = new LockQueue()
    const { fn, resolve } = flight<number>()
    const calls = Array.from({ length: 101 }, () => queue.run(fn))
    expect(await outcome(queue.run(fn))).toMatchObject({ error: { code: 'QUEUE_OVERFLOW' } })
    resolve(1)
    expect(await Promise.all(calls)).toHaveLength(101)
  })

  test('leave their places to those of the next flight', async () => {
    const queue = new LockQueue({ maxQueue: 1 })
    for (let round = 0; round < 3; round++) {
      const { fn, resolve } = flight<number>()
      const calls = [queue.run(fn), queue.run(fn)]
      resolve(round)
      expect(await Promise.all(calls)).toEqual([round, round])
    }
  })

  test.each(['success', 'failure'])('find the lock free after a %s, and may call again', async (end) => {
    const queue = new LockQueue()
    const first = flight<number>()
    const again = vi.fn(async () => 2)
    const resumed: [busy: boolean, again: number][] = []
    const resume = async () => {
      const busy = queue.busy
      resumed.push([busy, await queue.run(again)])
    }
    for (let i = 0; i < 3; i++) void queue.run(first.fn).then(resume, resume)
    if (end === 'success') first.resolve(1)
    else first.reject(new Error('offline'))
    await settled()
    // The first to resume starts the second flight, the others join it.
    expect(resumed).toEqual([
      [false, 2],
      [true, 2],
      [true, 2],
    ])
    expect(again).toHaveBeenCalledOnce()
  })
})
