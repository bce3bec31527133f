// The child's end of `startProgram`: one JSON message a line, in on standard input, out on standard output.
import { createInterface } from 'node:readline'

/** Sends a message to the test. */
export function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/**
 * Calls `listener` with each message of the test. The input keeps the process alive, and ends it when the test is gone:
 * nobody would stop it any more.
 */
export function onMessage(listener) {
  createInterface({ input: process.stdin })
    .on('line', (line) => listener(JSON.parse(line)))
    .on('close', () => process.exit(0))
}
