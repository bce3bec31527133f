/** Several followers in one process, each with its own connections: light enough to have many of them on one machine. */
import { answerCalls, settings } from '../shared/answer-calls.mjs'
import { follow } from '../fanout/leasehold.mjs'

const { names, ...group } = settings
let left = 0
let done = () => {}

const parts = await Promise.all(
  names.map((name) =>
    follow({ ...group, name }, () => {
      if (--left === 0) done()
    }),
  ),
)

answerCalls({
  /** Resolves once each follower here has applied so many more entries. */
  expect: ({ writes }) => {
    left = writes * names.length
    return new Promise((resolve) => {
      done = resolve
    })
  },
  close: () => Promise.all(parts.map((part) => part.close())),
})
