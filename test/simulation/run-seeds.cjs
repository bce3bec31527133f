// A process that simulates: `node … run-seeds.cjs <plan> <first seed> <last> <step> [trace]`. Tells each run in a line of JSON.
const { simulate } = require('./simulate.ts')

const [plan, first, last, step, trace] = process.argv.slice(2)
const send = (message) => void process.stdout.write(`${JSON.stringify(message)}\n`)
const tell = trace === undefined ? undefined : (line) => send({ line })

async function runAll() {
  for (let seed = Number(first); seed <= Number(last); seed += Number(step)) {
    const { problems, seen } = await simulate(plan, seed, tell)
    send({ seed, problems, seen: [...seen] })
  }
}

void runAll()
