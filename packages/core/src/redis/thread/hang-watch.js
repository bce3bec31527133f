// The thread that watches the event loop of an instance while that leads. It gives the lease back when the loop has stood
// still for too long.
//
// It runs from a text (see `hang-watch-thread.generated.ts`), so it uses Node alone and what it is given. It talks to Redis by
// itself and only then: a client of its own would be idle for ever, and a bundled app has no `ioredis` that could be found.
// Timers of its own are in order here: no clock of the main thread runs in this one.

// `require` is not there when Node was told that a text is a module.
const { connect } = process.getBuiltinModule('node:net')
const { connect: connectTls } = process.getBuiltinModule('node:tls')
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')

/** @type {import('../hang-watch.js').ThreadSettings} */
const { cells, words, tickMs, ticks, silentMs, majority, probe } = workerData
/** @type {(import('../lease-access.js').LeaseAccess | undefined)[]} */
let nodes = workerData.nodes
/** @type {import('../hang-watch.js').Watch | null} */
let watch = null
let timer

/** Open sockets by their node's place in `nodes`, and those of them on which Redis answers. */
const sockets = new Map()
const ready = new Set()
let beats = -1
/** How often in a row this thread has come round and the other had not. */
let still = 0

parentPort.on('message', (/** @type {import('../hang-watch.js').ThreadOrder} */ order) => {
  if (order.nodes) return void (nodes = order.nodes)
  clearInterval(timer)
  rest()
  beats = -1
  watch = order.watch
  if (watch) timer = setInterval(look, tickMs)
})

// Ticks are counted, and no time is measured: while a process is stopped clocks go on, but neither of its threads does.
function look() {
  if (goesOn()) return
  if (++still < ticks) return
  nodes.forEach((node, i) => node && !sockets.has(i) && open(node, i))
  // Again and again: a renewal that was on its way brings the lease back, and a node may come late.
  release()
}

/** Whether the main thread has come round since the last look; then there is nothing more to do. */
function goesOn() {
  const now = Atomics.load(watch.shared, cells.beats)
  if (now === beats) return false
  beats = now
  rest()
  return true
}

function rest() {
  still = 0
  for (const socket of sockets.values()) socket.destroy()
}

/** Gives the lease back where Redis answers, once a majority does: a leader that nobody could replace had better stay. */
function release() {
  if (!watch || ready.size < majority || goesOn()) return
  // Said before it is done: the main thread may go on at any moment, and must not renew what is about to be given back.
  const was = Atomics.compareExchange(watch.shared, cells.lease, words.held, words.givenBack)
  if (was === words.over) return
  for (const socket of ready) socket.write(encode(watch.giveBack))
}

function open({ tls, address, hello }, i) {
  const socket = tls ? connectTls(address) : connect(address)
  let text = ''
  sockets.set(i, socket)
  socket.setTimeout(silentMs, () => socket.destroy())
  socket.on('error', () => {}) // it closes then, and is opened anew at the next tick
  socket.on('close', () => {
    sockets.delete(i)
    ready.delete(socket)
  })
  socket.on(tls ? 'secureConnect' : 'connect', () => {
    for (const command of [...hello, probe]) socket.write(encode(command))
  })
  socket.on('data', (chunk) => {
    if (ready.has(socket)) return
    // The commands before are answered by one line each. What goes wrong with them shows here.
    const answer = (text += chunk.toString('latin1')).split('\r\n')[hello.length]
    if (!text.endsWith('\r\n') || answer === undefined || answer === '') return
    if (!answer.startsWith('$')) return socket.destroy()
    ready.add(socket)
    release()
  })
}

/** A command as Redis reads it. */
function encode(words) {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return `*${words.length}\r\n${parts.join('')}`
}
