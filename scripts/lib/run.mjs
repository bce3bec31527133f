import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { delimiter, join } from 'node:path'
import { root } from './root.mjs'

/** As a shell reports it: 128 + number of the signal that ended the program. */
function exitCodeOf(code, signal) {
  return code ?? 128 + (osConstants.signals[signal] ?? 0)
}

/**
 * Runs a command on this terminal and resolves to its exit code. A signal to this script goes to the command,
 * and the script waits for it: it must not leave before the tests have stopped their servers.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    const passOn = (signal) => child.kill(signal)
    process.on('SIGINT', passOn).on('SIGTERM', passOn)
    const unhook = () => process.off('SIGINT', passOn).off('SIGTERM', passOn)
    child.once('error', (error) => {
      unhook()
      reject(error)
    })
    child.once('close', (code, signal) => {
      unhook()
      resolve(exitCodeOf(code, signal))
    })
  })
}

/** Runs a command in silence. Never rejects: a command that cannot be started has exit code 127, as in a shell. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.once('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }))
    child.once('close', (code, signal) => resolve({ code: exitCodeOf(code, signal), output }))
  })
}

/** Where the shell would find a program, or undefined. */
export function onPath(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder || '.', program)
    if (isProgram(path)) return path
  }
  return undefined
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
