import type { Context } from '../runtime/context'

/** What a program writes for its makers: shown in the trace. */
export function logApis(program: Context): Record<string, unknown> {
  const writer = (where: string) => {
    const filters: string[] = []
    const write =
      (level: string) =>
      (...values: unknown[]) => {
        program.trace.add('log', `${where}.${level}`, {
          ok: level !== 'error',
          detail: { filters: [...filters], values },
        })
      }
    const manager = {
      info: write('info'),
      log: write('log'),
      warn: write('warn'),
      error: write('error'),
      debug: write('debug'),
      setFilterMsg: (text: string) => void filters.splice(0, filters.length, text),
      addFilterMsg: (text: string) => void filters.push(text),
      in: () => manager,
      tag: () => manager,
    }
    return manager
  }
  return {
    getRealtimeLogManager: () => writer('realtime'),
    getLogManager: () => writer('log'),
    reportEvent: () => undefined,
    reportMonitor: () => undefined,
  }
}
