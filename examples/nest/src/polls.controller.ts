import type { ReplicatedNode } from '@leasehold/core'
import { BadRequestException, Body, Controller, Get, Inject, Param, Post, Put } from '@nestjs/common'
import { LEASEHOLD_NODE } from './leasehold.module.js'
import { type polls, slot } from './machine.js'

type PollsNode = ReplicatedNode<ReturnType<typeof polls.initial>, typeof polls.commands>

/** An ordinary controller, which does not know who leads. */
@Controller('polls')
export class PollsController {
  readonly #node: PollsNode

  constructor(@Inject(LEASEHOLD_NODE) node: PollsNode) {
    this.#node = node
  }

  @Post(':poll/votes')
  async vote(@Param('poll') poll: string, @Body() body: { choice?: unknown }) {
    if (typeof body?.choice !== 'string') throw new BadRequestException('"choice" must be a string')
    return { votes: await this.#node.write('vote', { poll, choice: body.choice }) }
  }

  @Put(':poll/closed')
  async close(@Param('poll') poll: string) {
    await this.#node.write('close', { poll })
    return { closed: true }
  }

  @Get(':poll/votes/:choice')
  votes(@Param('poll') poll: string, @Param('choice') choice: string) {
    return this.#node.read((state, { index }) => ({
      votes: state.polls[slot(poll)]?.votes[slot(choice)] ?? 0,
      index,
    }))
  }
}
