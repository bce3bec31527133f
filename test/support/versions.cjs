/**
 * Loaded first into every process of a test (`node --require`): has all code use the versions of ioredis and Express that
 * the environment names, as if the app had installed them. `npm run matrix` sets it.
 */
const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const installed = Module.createRequire(path.join(__dirname, '../package.json'))
/** What is asked for, and what is given instead. */
const others = Object.fromEntries(
  Object.entries({ ioredis: process.env.MATRIX_IOREDIS, express: process.env.MATRIX_EXPRESS })
    .filter(([, instead]) => instead !== undefined)
    .map(([name, instead]) => [name, installed.resolve(instead)]),
)

const { _resolveFilename: resolveFilename } = Module
Module._resolveFilename = (request, ...rest) =>
  others[request] ?? resolveFilename.call(Module, request, ...rest)
Module.register(pathToFileURL(path.join(__dirname, 'versions-hooks.mjs')), { data: others })
