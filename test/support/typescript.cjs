/**
 * Loaded first into a process of a test (`node --require`): has it run TypeScript, compiled in memory as jest.config.mjs has
 * it. Together with `--conditions=@leasehold/source` it runs on the sources, without Jest: nothing is between the code and
 * Node there, which makes much work half as long.
 */
const { readFileSync } = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { transformSync } = Module.createRequire(path.join(__dirname, '../../package.json'))('@swc/core')

Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  })
  module._compile(code, filename)
}

const { _resolveFilename: resolveFilename } = Module
Module._resolveFilename = (request, parent, ...rest) =>
  resolveFilename.call(
    Module,
    parent?.filename?.endsWith('.ts') ? request.replace(/^(\.{1,2}\/.*)\.js$/, '$1.ts') : request,
    parent,
    ...rest,
  )
