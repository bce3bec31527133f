/** An instance that is read: over HTTP, where it has an app, and by callers in its own process. */
import { createNode, formatPosition } from '../../packages/core/dist/esm/index.js'
import { answerCalls, cpuUs, settings } from '../shared/answer-calls.mjs'
import { listen } from './apps.mjs'
import { load, waysToRead } from './callers.mjs'
import { machine } from './machine.mjs'

const node = createNode({ ...settings.node, name: settings.name, stateMachine: machine })
node.setUrl('http://127.0.0.1') // routeWrites asks for one; nothing is ever sent there
await node.start()
const port = settings.app && (await listen(settings.app, node))
const { close, ...ways } = waysToRead(node, settings.node)

answerCalls({
  port: () => port,
  /** What a browser sends that has seen all there is. */
  cookie: () => `leasehold-${settings.node.group}=${formatPosition(node.position)}`,
  async read({ way, ...rest }) {
    const beforeUs = cpuUs()
    const figures = await load(ways[way], rest)
    return { ...figures, cpuUs: (cpuUs() - beforeUs) / rest.reads }
  },
  async close() {
    close()
    await node.stop()
  },
})
