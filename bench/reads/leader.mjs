/** The instance that leads. It writes once, and then has nothing to do with what is measured but to live. */
import { createNode } from '../../packages/core/dist/esm/index.js'
import { answerCalls, settings } from '../shared/answer-calls.mjs'
import { machine } from './machine.mjs'

const node = createNode({ ...settings.node, name: settings.name, stateMachine: machine })
await node.start()
await node.write('fill')
answerCalls({ close: () => node.stop() })
