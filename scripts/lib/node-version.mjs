// From 20.19 on `require` of an ES module works without a flag, which the packages' exports rely on.
const NEEDED_MAJOR = 20
const NEEDED_MINOR = 19

/** What is wrong with this Node, or undefined. */
export function nodeProblem(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number)
  if (major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR)) return undefined
  return `Node ${NEEDED_MAJOR}.${NEEDED_MINOR} or newer is needed; this is ${version} (${process.execPath}).`
}
