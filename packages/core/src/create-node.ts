import { type Commands, LocalState, type StateMachineDefinition } from './apply/state-machine.js'
import { systemClock } from './clock.js'
import { type CreateParts, ElectionNode } from './election-node.js'
import { type NodeOptions, type ResolvedOptions, resolveOptions } from './options.js'
import { createRedisParts } from './redis/redis-parts.js'
import { ReplicatedNode } from './replicated-node.js'

/**
 * Makes a node with a replica of what `stateMachine` describes.
 *
 * @throws OptionsError that lists every problem.
 */
export function createNode<S, C extends Commands<S>>(
  options: NodeOptions & { stateMachine: StateMachineDefinition<S, C> },
): ReplicatedNode<S, C>
/**
 * Makes a node that only elects: no log, no replica, no `write`.
 *
 * @throws OptionsError that lists every problem.
 */
export function createNode(options: NodeOptions & { stateMachine?: undefined }): ElectionNode
export function createNode<S, C extends Commands<S>>(
  options: NodeOptions & { stateMachine?: StateMachineDefinition<S, C> | undefined },
): ElectionNode {
  const resolved = resolveOptions(options)
  const { stateMachine } = options
  return stateMachine === undefined
    ? new ElectionNode(resolved, redisParts(resolved, false), undefined)
    : new ReplicatedNode(resolved, redisParts(resolved, true), new LocalState(stateMachine))
}

function redisParts(options: ResolvedOptions, replicates: boolean): CreateParts {
  return (warn) => createRedisParts({ options, replicates, warn, clock: systemClock })
}
