import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Fuse } from '../../src/fuse'
import { FakeClock } from '../support/fake-clock'

let clock: FakeClock
const onChange = vi.fn()
const fuse = (options = {}) => new Fuse({ name: 'login', now: clock.now, onChange, ...options })
/** `pass`, as a word: passed, or for how long it is refused. */
const attempt = (f: Fuse) => {
  try {
    f.pass()
    return 'passed'
  } catch (e) {
    return (e as { retryAfterMs: number }).retryAfterMs
  }
}

beforeEach(() => {
  clock = new FakeClock()
  onChange.mockReset()
})

describe('counting', () => {
  test('lets three tries pass and refuses the fourth', () => {
    const f = fuse()
    expect([attempt(f), attempt(f), attempt(f), attempt(f)]).toEqual(['passed', 'passed', 'passed', 5000])
  })

  test('counts tries that follow on one another within the cool-down, however long the row', async () => {
    const f = fuse()
    for (let i = 0; i < 3; i++) {
      expect(attempt(f)).toBe('passed')
      await clock.advance(999)
    }
    expect(attempt(f)).toBe(5000)
  })

  test('begins anew after a pause as long as the cool-down', async () => {
    const f = fuse()
    for (let i = 0; i < 10; i++) {
      expect(attempt(f)).toBe('passed')
      await clock.advance(1000)
    }
  })

  test('takes a try back', () => {
    const f = fuse()
    f.uncount()
    for (let i = 0; i < 10; i++) {
      expect(attempt(f)).toBe('passed')
      f.uncount()
    }
    expect([attempt(f), attempt(f), attempt(f), attempt(f)]).toEqual(['passed', 'passed', 'passed', 5000])
  })

  test('has its own numbers', async () => {
    const f = fuse({ maxTries: 1, restoreMs: 50, coolDownMs: 10 })
    expect([attempt(f), attempt(f)]).toEqual(['passed', 50])
    await clock.advance(50)
    expect(attempt(f)).toBe('passed')
    await clock.advance(10)
    expect(attempt(f)).toBe('passed')
  })

  test('starts at a clock of zero as at any other', () => {
    clock = new FakeClock(0)
    const f = fuse()
    expect([attempt(f), attempt(f), attempt(f), attempt(f)]).toEqual(['passed', 'passed', 'passed', 5000])
  })
})

describe('open', () => {
  const blown = (options = {}) => {
    const f = fuse(options)
    for (let i = 0; i < 4; i++) attempt(f)
    return f
  }

  test('refuses with FUSE_OPEN, which says what and for how long', async () => {
    const f = blown()
    await clock.advance(1500)
    expect(f.isOpen).toBe(true)
    expect(() => f.pass()).toThrow(
      expect.objectContaining({
        code: 'FUSE_OPEN',
        retryable: true,
        retryAfterMs: 3500,
        message: 'FUSE_OPEN: login',
      }),
    )
  })

  test('stays open for the whole time, also past the cool-down of the last try that passed (D3)', async () => {
    const f = blown()
    await clock.advance(1100)
    expect(attempt(f)).toBe(3900)
    await clock.advance(3899)
    expect(attempt(f)).toBe(1)
    await clock.advance(1)
    expect(attempt(f)).toBe('passed')
  })

  test('tries that are refused do not keep it open', async () => {
    const f = blown()
    for (let i = 0; i < 5; i++) {
      attempt(f)
      await clock.advance(1000)
    }
    expect(attempt(f)).toBe('passed')
  })

  test('lets the full number pass once it is restored', async () => {
    const f = blown()
    await clock.advance(5000)
    expect([attempt(f), attempt(f), attempt(f), attempt(f)]).toEqual(['passed', 'passed', 'passed', 5000])
  })

  test('a try taken back does not close it', () => {
    const f = blown()
    f.uncount()
    expect(attempt(f)).toBe(5000)
  })

  test('needs no timer: time slept through in the background counts (D17)', () => {
    vi.useFakeTimers()
    try {
      const f = blown()
      expect(vi.getTimerCount()).toBe(0)
      clock.set(clock.now() + 3_600_000)
      expect(f.isOpen).toBe(false)
      expect(attempt(f)).toBe('passed')
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a clock that is set back', () => {
  test('closes an open fuse', () => {
    const f = fuse()
    for (let i = 0; i < 4; i++) attempt(f)
    clock.set(clock.now() - 60_000)
    expect(f.isOpen).toBe(false)
    expect(attempt(f)).toBe('passed')
  })

  test('ends a row of tries', () => {
    const f = fuse()
    for (let i = 0; i < 3; i++) attempt(f)
    clock.set(clock.now() - 1)
    expect([attempt(f), attempt(f), attempt(f)]).toEqual(['passed', 'passed', 'passed'])
  })
})

describe('onChange', () => {
  test('hears the trip, and the first try that passes after it; nothing between', async () => {
    const f = fuse()
    for (let i = 0; i < 6; i++) attempt(f)
    expect(onChange.mock.calls).toEqual([[true]])
    await clock.advance(5000)
    expect(f.isOpen).toBe(false)
    expect(onChange.mock.calls).toEqual([[true]])
    attempt(f)
    attempt(f)
    expect(onChange.mock.calls).toEqual([[true], [false]])
  })

  test('hears a reset of an open fuse only', () => {
    const f = fuse()
    f.reset()
    for (let i = 0; i < 4; i++) attempt(f)
    f.reset()
    expect(onChange.mock.calls).toEqual([[true], [false]])
    expect(attempt(f)).toBe('passed')
  })

  test('one that throws changes nothing', () => {
    const f = fuse({
      onChange: () => {
        throw new Error('a mistake')
      },
    })
    expect([attempt(f), attempt(f), attempt(f), attempt(f)]).toEqual(['passed', 'passed', 'passed', 5000])
  })
})
