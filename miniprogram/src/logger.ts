import { redact } from './redact'

export { redact }

export type LogMethod = 'error' | 'warn' | 'info' | 'debug'

/** How much is logged: nothing, errors, warnings too, what happens too, all. */
export enum LogLevel {
  NONE = 0,
  ERROR = 1,
  WARN = 2,
  INFO = 3,
  DEBUG = 4,
}

/** Takes what is logged, redacted already. What it throws is ignored. */
export type LogSink = (method: LogMethod, args: readonly unknown[]) => void

export interface LoggerOptions {
  /** WARN. */
  level?: LogLevel
  /** The console, where there is one. */
  sinks?: readonly LogSink[]
}

declare const console: Record<LogMethod, (...args: unknown[]) => void>

const consoleSink: LogSink = (method, args) => {
  if (typeof console !== 'undefined') console[method](...args)
}

/** Tells sinks what happens. Nothing reaches one that `redact` has not gone over. */
export class Logger {
  level: LogLevel
  private sinks: readonly LogSink[]

  constructor(options: LoggerOptions = {}) {
    this.level = options.level ?? LogLevel.WARN
    this.sinks = options.sinks ?? [consoleSink]
  }

  /** Returns what takes it away. */
  addSink(sink: LogSink): () => void {
    this.sinks = [...this.sinks, sink]
    return () => {
      this.sinks = this.sinks.filter((other) => other !== sink)
    }
  }

  error(...args: unknown[]): void {
    this.log(LogLevel.ERROR, 'error', args)
  }

  warn(...args: unknown[]): void {
    this.log(LogLevel.WARN, 'warn', args)
  }

  info(...args: unknown[]): void {
    this.log(LogLevel.INFO, 'info', args)
  }

  debug(...args: unknown[]): void {
    this.log(LogLevel.DEBUG, 'debug', args)
  }

  private log(level: LogLevel, method: LogMethod, args: unknown[]): void {
    if (level > this.level) return
    for (const sink of this.sinks) {
      try {
        // A copy for each, so that none can spoil another's.
        sink(method, redact(args) as unknown[])
      } catch {
        // A log that fails must not make fail what it tells of.
      }
    }
  }
}
