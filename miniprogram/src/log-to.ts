import type { Logger, LogSink } from './logger'
import { redact } from './redact'

/**
 * Lets the sinks of a logger, the console among them, see all that is logged, redacted, and adds further ones: without
 * it they get the line and the code of an error. Lines too are redacted from now on.
 *
 * @returns what takes the added sinks away
 */
export function logTo(logger: Logger, ...sinks: LogSink[]): () => void {
  logger.clean = (...logged) => (redact(logged) as unknown[]).slice(0, logged[1] === undefined ? 1 : 2)
  const ends = sinks.map((sink) => logger.addSink(sink))
  return () => {
    for (const end of ends) end()
  }
}
