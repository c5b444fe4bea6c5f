import type { EventWrapper } from '../bundle'

interface Target {
  id: string
  dataset: Record<string, unknown> | null
  /** The component behind the object that methods are called on. */
  _$?: { $$: unknown }
  $$?: unknown
}

interface RawEvent {
  type: string
  timeStamp: number
  detail: unknown
  mark: unknown
  target: Target
  currentTarget: Target
  touches?: unknown
  changedTouches?: unknown
}

/** Hands an event to a method of the program: a plain object, as there is a thread between them in WeChat. */
export const wrapEvent: EventWrapper = (caller, event, listener) => {
  const raw = event as RawEvent
  return listener.call(caller, {
    type: raw.type,
    timeStamp: raw.timeStamp,
    detail: raw.detail,
    target: plain(raw.target),
    currentTarget: plain(raw.currentTarget),
    mark: { ...(raw.mark as object) },
    ...(raw.touches ? { touches: raw.touches, changedTouches: raw.changedTouches } : {}),
  })
}

function plain(target: Target) {
  const element = (target._$?.$$ ?? target.$$) as HTMLElement | undefined
  return {
    id: target.id,
    dataset: { ...target.dataset },
    offsetLeft: element?.offsetLeft ?? 0,
    offsetTop: element?.offsetTop ?? 0,
  }
}
