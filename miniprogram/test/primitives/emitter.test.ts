import { expect, test, vi } from 'vitest'
import { Emitter } from '../../src/emitter'
import { settled } from '../support/fake-clock'

interface Events {
  fuse: { open: boolean }
  user: string
}

test('calls the listeners of an event at once, in their order', () => {
  const events = new Emitter<Events>()
  const heard: string[] = []
  events.on('user', (user) => heard.push(`a ${user}`))
  events.on('user', (user) => heard.push(`b ${user}`))
  events.on('fuse', () => heard.push('fuse'))
  events.emit('user', 'Li')
  expect(heard).toEqual(['a Li', 'b Li'])
})

test('ends a listener by what `on` returned, or by itself', () => {
  const events = new Emitter<Events>()
  const [a, b, c] = [vi.fn(), vi.fn(), vi.fn()]
  const end = events.on('user', a)
  events.on('user', b)
  events.once('user', c)
  end()
  end()
  events.off('user', b)
  events.off('user', c)
  events.emit('user', 'Li')
  expect([a, b, c].map((fn) => fn.mock.calls.length)).toEqual([0, 0, 0])
})

test('ends all listeners of an event, or of all', () => {
  const events = new Emitter<Events>()
  const [user, fuse] = [vi.fn(), vi.fn()]
  events.on('user', user)
  events.on('fuse', fuse)
  events.off('user')
  events.emit('user', 'Li')
  events.emit('fuse', { open: true })
  events.clear()
  events.emit('fuse', { open: false })
  expect([user.mock.calls.length, fuse.mock.calls.length]).toEqual([0, 1])
})

test('calls a `once` listener once, also when it emits the same event itself', () => {
  const events = new Emitter<Events>()
  const fn = vi.fn(() => events.emit('user', 'again'))
  events.once('user', fn)
  events.emit('user', 'Li')
  expect(fn.mock.calls).toEqual([['Li']])
})

test('a listener that throws, or rejects, is reported and stops nobody', async () => {
  const onError = vi.fn()
  const events = new Emitter<Events>(onError)
  const after = vi.fn()
  events.on('user', () => {
    throw new Error('thrown')
  })
  events.on('user', async () => {
    throw new Error('rejected')
  })
  events.on('user', after)
  events.emit('user', 'Li')
  await settled()
  expect(after).toHaveBeenCalledOnce()
  expect(onError.mock.calls).toEqual([
    [new Error('thrown'), 'user'],
    [new Error('rejected'), 'user'],
  ])
})

test('an onError that throws stops nobody either', () => {
  const events = new Emitter<Events>(() => {
    throw new Error('broken log')
  })
  const after = vi.fn()
  events.on('user', () => {
    throw new Error('thrown')
  })
  events.on('user', after)
  expect(() => events.emit('user', 'Li')).not.toThrow()
  expect(after).toHaveBeenCalledOnce()
})

test('waits for no listener', () => {
  const events = new Emitter<Events>()
  events.on('user', () => new Promise(() => {}))
  expect(events.emit('user', 'Li')).toBeUndefined()
})

test('a listener that is added meanwhile hears the next event, one that is ended meanwhile none', () => {
  const events = new Emitter<Events>()
  const [late, ended] = [vi.fn(), vi.fn()]
  events.once('user', () => {
    events.on('user', late)
    events.off('user', ended)
  })
  events.on('user', ended)
  events.emit('user', 'Li')
  expect([late.mock.calls.length, ended.mock.calls.length]).toEqual([0, 0])
  events.emit('user', 'Wang')
  expect([late.mock.calls.length, ended.mock.calls.length]).toEqual([1, 0])
})
