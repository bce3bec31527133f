import { pathToFileURL } from 'node:url'

/** By name, what is given instead. Set by `versions.cjs`. */
let others = {}

export function initialize(data) {
  others = data
}

export function resolve(specifier, context, next) {
  const instead = others[specifier]
  return instead === undefined
    ? next(specifier, context)
    : { url: pathToFileURL(instead).href, shortCircuit: true }
}
