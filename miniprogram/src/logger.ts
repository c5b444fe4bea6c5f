import { isMpAuthError } from './errors'

export type LogMethod = 'error' | 'warn' | 'info' | 'debug'

/** How much is logged: nothing, errors, warnings too, what happens too, all. */
export enum LogLevel {
  NONE = 0,
  ERROR = 1,
  WARN = 2,
  INFO = 3,
  DEBUG = 4,
}

/** Takes what is logged, as `Cleaner` has left it. What it throws is ignored. */
export type LogSink = (method: LogMethod, args: readonly unknown[]) => void

/** Makes of what is logged what may be seen: no token, code or phone number, in any form. */
export type Cleaner = (line: string, about: unknown) => readonly unknown[]

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

/** The line, and of an error of the SDK its code and the id of its request. Nothing else is known to be harmless. */
const brief: Cleaner = (line, about) => {
  if (!isMpAuthError(about)) return [line]
  const { code, requestId } = about
  return [line, { code, requestId }]
}

/** Tells sinks what happens. No sink gets more than `clean` lets through. */
export class Logger {
  level: LogLevel
  /** The line and the code of an error, until `logTo` of `mpauth/log` shows more, redacted. */
  clean: Cleaner = brief
  private sinks: readonly LogSink[]

  constructor({ level = LogLevel.WARN, sinks = [consoleSink] }: LoggerOptions = {}) {
    this.level = level
    this.sinks = sinks
  }

  /** Returns what takes it away. */
  addSink(sink: LogSink): () => void {
    this.sinks = [...this.sinks, sink]
    return () => {
      this.sinks = this.sinks.filter((other) => other !== sink)
    }
  }

  /** `line` is shown as it is: words of the program, and no value. What it is about comes behind, cleaned. */
  error(line: string, about?: unknown): void {
    this.log(LogLevel.ERROR, 'error', line, about)
  }

  warn(line: string, about?: unknown): void {
    this.log(LogLevel.WARN, 'warn', line, about)
  }

  info(line: string, about?: unknown): void {
    this.log(LogLevel.INFO, 'info', line, about)
  }

  debug(line: string, about?: unknown): void {
    this.log(LogLevel.DEBUG, 'debug', line, about)
  }

  private log(level: LogLevel, method: LogMethod, line: string, about: unknown): void {
    if (level > this.level) return
    for (const sink of this.sinks) {
      try {
        // A copy for each, so that none can spoil another's.
        sink(method, this.clean(line, about))
      } catch {
        // A log that fails must not make fail what it tells of.
      }
    }
  }
}
