/**
 * The checks on which the promises rest, each with an edit that takes it away, and the tests that must go red then.
 * `npm run mutate` plants them one by one. `find` stands exactly once in its file (checked by test/structure).
 *
 * @typedef {object} Mutant
 * @property {string} name the check
 * @property {string} file
 * @property {string} find
 * @property {string} replace
 * @property {readonly string[]} tests
 * @property {number} [runs] of each simulation among the tests
 */

const LUA = 'packages/core/src/redis/scripts/'
const CORE = 'packages/core/src/'
const SCRIPTS = [
  ...['claim', 'join', 'log', 're-seed', 'snapshot'].map(
    (name) => `packages/core/test/testing/conformance-${name}.test.ts`,
  ),
  'packages/core/test/redis/scripts.test.ts',
]
const TERM = [...SCRIPTS, 'packages/core/test/redis/redis-term-connection.test.ts']
const LEASE = ['packages/core/test/testing/conformance-lease.test.ts']
const CHANGES = ['packages/core/test/read/change-feed.test.ts', 'packages/core/test/changes.test.ts']
const GROUP = ['packages/core/test/testing/conformance-group.test.ts']

/** A line of a script that ends it, and does so no more. */
const line = (script, name, find, tests, replace = '') => ({
  name: `${script}: ${name}`,
  file: `${LUA}${script}.lua`,
  find,
  replace,
  tests,
})

const edit = (name, file, find, replace, tests, more = {}) => ({
  name,
  file: `${CORE}${file}`,
  find,
  replace,
  tests,
  ...more,
})

/** @type {readonly Mutant[]} */
export const mutants = [
  line(
    'append',
    'there is a log',
    "if not logId or logId == '' then return { 'FENCED', 'there is no log' } end",
    TERM,
  ),
  line('append', 'the log', "if logId ~= ARGV[1] then return { 'FENCED', 'another log' } end", TERM),
  line(
    'append',
    'the term',
    "if term ~= ARGV[2] then return { 'FENCED', 'term ' .. (term or 'none') } end",
    TERM,
  ),
  line('append', 'the nonce', "if nonce ~= ARGV[3] then return { 'FENCED', 'another claim' } end", TERM),
  line(
    'append',
    'the life of the server',
    "if replId ~= ARGV[4] then return { 'FENCED', 'another replication id' } end",
    TERM,
  ),
  line(
    'append',
    'the head',
    'if head ~= ARGV[5] or headTerm ~= ARGV[6] then',
    TERM,
    'if headTerm ~= ARGV[6] then',
  ),
  line(
    'append',
    'the term of the head',
    'if head ~= ARGV[5] or headTerm ~= ARGV[6] then',
    TERM,
    'if head ~= ARGV[5] then',
  ),
  line('append', 'log time never goes back', 'time = math.max(time, tonumber(lastTime))', TERM),
  line('append', 'the row of a term', 'if headTerm ~= term then', TERM, 'if false then'),
  line(
    'append',
    'the version of the app',
    "if tonumber(appVersion or '0') < tonumber(ARGV[7]) then redis.call",
    TERM,
    'if false then redis.call',
  ),
  line('append', 'the life of the last write', ", 'time', time, 'replId', replId)", TERM, ", 'time', time)"),

  line('claim', 'the stored term', 'if stored ~= ARGV[1] then', TERM, 'if false then'),
  line(
    'claim',
    'the lease',
    "if ARGV[8] == '1' and redis.call('GET', KEYS[3]) ~= ARGV[7] then",
    TERM,
    'if false then',
  ),
  line(
    'claim',
    'the version of the app',
    "if tonumber(appVersion or '0') > tonumber(ARGV[10]) then",
    TERM,
    'if false then',
  ),
  line(
    'claim',
    'above the floor',
    'local least = math.max(tonumber(stored), tonumber(ARGV[2]))',
    TERM,
    'local least = tonumber(stored)',
  ),
  line(
    'claim',
    'above the stored term',
    'local least = math.max(tonumber(stored), tonumber(ARGV[2]))',
    TERM,
    'local least = tonumber(ARGV[2])',
  ),
  line(
    'claim',
    'another life of the server',
    "(lastReplId and lastReplId ~= replId) and '1' or '0'",
    TERM,
    "'0'",
  ),

  line('create-log', 'the life of the server', 'if replId ~= ARGV[4] then return false end', TERM),
  line('create-log', 'the claim', 'if term ~= ARGV[2] or nonce ~= ARGV[3] then return false end', TERM),
  line('create-log', 'a log that is there', "if logId and logId ~= '' then return logId end", TERM),

  line(
    'read',
    'the present that the reader knows',
    'local known = logId == ARGV[4] and nonce == ARGV[5] and replId == ARGV[6]',
    TERM,
    'local known = logId == ARGV[4]',
  ),
  line(
    'read',
    'another life of the server',
    "(lastReplId and lastReplId ~= replId) and '1' or '0'",
    TERM,
    "'0'",
  ),

  line(
    'install-snapshot',
    'the claim',
    'if logId ~= ARGV[1] or term ~= ARGV[2] or nonce ~= ARGV[3] then return 0 end',
    TERM,
  ),
  line('install-snapshot', 'the life of the server', 'if replId ~= ARGV[4] then return 0 end', TERM),
  line(
    'install-snapshot',
    'not beyond the head',
    "if index > tonumber(head) or index <= tonumber(presentIndex or '0') then return 0 end",
    TERM,
    "if index <= tonumber(presentIndex or '0') then return 0 end",
  ),
  line(
    'install-snapshot',
    'newer than the present one',
    "if index > tonumber(head) or index <= tonumber(presentIndex or '0') then return 0 end",
    TERM,
    'if index > tonumber(head) then return 0 end',
  ),
  line(
    'install-snapshot',
    'it is whole',
    "if redis.call('HEXISTS', KEYS[3], 'head') == 0 then return 0 end",
    TERM,
  ),
  line(
    'install-snapshot',
    'the one that it pushes out',
    "if (before or '') ~= ARGV[9] then return 0 end",
    TERM,
  ),
  line(
    'install-snapshot',
    'it is on the history',
    'if owner ~= ARGV[7] or ownerNonce ~= ARGV[8] then return 0 end',
    TERM,
  ),

  line(
    'trim-log',
    'the claim',
    'if logId ~= ARGV[1] or term ~= ARGV[2] or nonce ~= ARGV[3] then return 0 end',
    TERM,
  ),
  line(
    'trim-log',
    'the snapshot before the last',
    "if tonumber(ARGV[4]) > tonumber(beforeIndex or '0') + 1 then return 0 end",
    TERM,
  ),

  line('re-seed-log', 'the claim', 'if term ~= ARGV[2] or nonce ~= ARGV[3] then return 0 end', TERM),
  line('re-seed-log', 'the life of the server', 'if replId ~= ARGV[4] then return 0 end', TERM),
  line('re-seed-log', 'the log', "if logId and logId ~= '' and logId ~= ARGV[1] then return 0 end", TERM),
  line(
    're-seed-log',
    'the log lacks something',
    "if tonumber(head or '0') >= tonumber(ARGV[7]) then return 0 end",
    TERM,
  ),
  line(
    're-seed-log',
    'the snapshots that are known',
    "if (present or '') ~= ARGV[12] or (before or '') ~= ARGV[13] then return 0 end",
    TERM,
  ),
  line(
    're-seed-log',
    'it is whole',
    "if redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[11]) or redis.call('HEXISTS', KEYS[4], 'head') == 0 then return 0 end",
    TERM,
  ),

  line(
    'record-change',
    'the claim',
    "if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] then return 0 end",
    SCRIPTS,
  ),
  line('set-leader-url', 'the claim', 'if term ~= ARGV[1] or nonce ~= ARGV[2] then return 0 end', SCRIPTS),
  line('name-heir', 'the claim', 'if term ~= ARGV[1] or nonce ~= ARGV[2] then return 0 end', GROUP),
  line(
    'order-switchover',
    'one at a time',
    "if id and (outcome or '') == '' and tonumber(ends or '0') > now then return 0 end",
    GROUP,
  ),
  line(
    'end-switchover',
    'the order, once',
    "if id ~= ARGV[1] or (outcome or '') ~= '' then return 0 end",
    GROUP,
  ),
  line('join', 'the application', "if app and app ~= ARGV[1] then return { 'APP', app } end", SCRIPTS),
  line(
    'join',
    'the version of the app',
    "if ARGV[7] ~= '' and tonumber(appVersion or '0') > tonumber(ARGV[7]) then return { 'VERSION', appVersion } end",
    SCRIPTS,
  ),
  line(
    'rotate-secret',
    'the secrets that are known',
    'local changes = version == ARGV[1] and string.match',
    SCRIPTS,
    'local changes = string.match',
  ),

  line('renew-lease', 'the holder', 'if value and value ~= ARGV[1] then return 0 end', LEASE),
  line(
    'depose-lease',
    'exactly this lease',
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end",
    LEASE,
  ),
  line(
    'give-back-lease',
    'exactly this lease',
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end",
    SCRIPTS,
  ),

  edit(
    'lease: the own deadline',
    'elect/held-lease.ts',
    'return !this.#ended.signal.aborted && inTime &&',
    'return !this.#ended.signal.aborted &&',
    ['packages/core/test/elect/held-lease.test.ts'],
  ),
  edit(
    'lease: given back by the other thread',
    'elect/held-lease.ts',
    'inTime && !this.#guard.gaveBack',
    'inTime',
    ['packages/core/test/elect/held-lease.test.ts'],
  ),
  edit(
    'lease: no renewal after the deadline',
    'redis/redlock-lease-store.ts',
    'if (!lock || startedMs >= lease.deadlineMs) return undefined',
    'if (!lock) return undefined',
    LEASE,
  ),
  edit(
    'lease: a renewal that comes too late',
    'elect/held-lease.ts',
    'if (!renewed || !this.valid) {',
    'if (!renewed) {',
    ['packages/core/test/elect/held-lease.test.ts'],
  ),
  edit(
    'elector: leads by the deadline, not by a flag',
    'elect/elector.ts',
    'this.#held?.valid === true &&',
    '',
    ['packages/core/test/elect/elector.test.ts'],
  ),
  edit(
    'elector: leads on a connection that stands',
    'elect/elector.ts',
    'this.#held?.valid === true &&\n      this.#served?.connection.closed.aborted === false',
    'this.#held?.valid === true',
    ['packages/core/test/elect/elector.test.ts'],
  ),
  edit(
    'elector: a last look before the claim',
    'elect/elector.ts',
    "if (!held.valid) return 'over' //",
    '//',
    ['packages/core/test/elect/elector.test.ts'],
  ),
  edit(
    'writer: a last look before the append',
    'write/writer.ts',
    'if (!this.#listener.mayAppend()) {',
    'if (false) {',
    ['packages/core/test/write/writer.test.ts'],
  ),

  edit(
    'writer: nothing behind an append that was not taken',
    'write/open-term.ts',
    '} else this.#stalled = true',
    '}',
    ['packages/core/test/write/writer.test.ts'],
  ),
  edit(
    'writer: an append names the head that the one before it leaves',
    'write/open-term.ts',
    'const [head, behindAnother] = [this.#sentHead,',
    'const [head, behindAnother] = [this.#head,',
    ['packages/core/test/write/writer.test.ts'],
  ),
  edit(
    'writer: what is sent again keeps its place',
    'write/write-queue.ts',
    '.sort((a, b) => a.order - b.order)',
    '',
    ['packages/core/test/write/writer.test.ts'],
  ),

  edit(
    'a term is bound to its connection',
    'redis/connections.ts',
    'return { ...commandOptions(timeoutMs), retryStrategy: () => null }',
    'return commandOptions(timeoutMs)',
    [
      'packages/core/test/redis/redis-term-connection.test.ts',
      'packages/core/test/redis/connection-options.test.ts',
    ],
  ),
  edit(
    'a lost reply closes the connection',
    'redis/redis-term-connection.ts',
    '      this.close()\n      throw error',
    '      throw error',
    ['packages/core/test/redis/redis-term-connection.test.ts'],
  ),
  edit(
    'nothing is sent twice',
    'redis/connections.ts',
    '  maxRetriesPerRequest: 0,\n',
    '  maxRetriesPerRequest: 5,\n',
    [
      'packages/core/test/redis/connection-options.test.ts',
      'packages/core/test/redis/redis-term-connection.test.ts',
    ],
  ),

  edit(
    'a lost append: the log was put back since',
    'write/in-flight.ts',
    ' &&\n    present.seed === append.stamp.seed',
    '',
    ['packages/core/test/write/in-flight.test.ts'],
  ),
  edit(
    'a lost append: another life of the server',
    'write/in-flight.ts',
    'present.replId === append.stamp.replId &&\n    present.seed',
    'present.seed',
    ['packages/core/test/write/in-flight.test.ts'],
  ),
  edit(
    'a lost append: open while its claim is the last',
    'write/in-flight.ts',
    "if (sameClaim && present.logId === append.stamp.logId) return 'open'",
    '',
    ['packages/core/test/write/in-flight.test.ts'],
  ),
  ...[
    ['the log', 'known.logId === logId && ', ''],
    ['the claim', 'known?.nonce === nonce && known.logId', 'known?.logId'],
    ['the life of the server', ' && known.replId === replId', ''],
  ].map(([name, find, replace]) =>
    edit(`told as it was appended: ${name}`, 'log/appended.ts', find, replace, [
      'packages/core/test/replicate/follow.test.ts',
    ]),
  ),
  edit(
    'told as it was appended: the replica is on the log',
    'replicate/catch-up.ts',
    'if (!this.onHistory || !isOf(batch',
    'if (!isOf(batch',
    ['packages/core/test/replicate/follow.test.ts'],
  ),
  edit(
    'catch-up: it reads up to the head of its first look, whatever it is told',
    'replicate/catch-up.ts',
    '(this.#applier.index >= goal && isTold())',
    'isTold()',
    ['packages/core/test/replicate/follow.test.ts'],
  ),
  edit('history: the nonce', 'log/history.ts', '      ownerA.nonce === ownerB.nonce &&\n', '', [
    'packages/core/test/log/history.test.ts',
  ]),
  edit('history: the term', 'log/history.ts', '      ownerA.term === ownerB.term &&\n', '', [
    'packages/core/test/log/history.test.ts',
  ]),
  edit(
    'history: where a reign began',
    'log/history.ts',
    'ownerA.nonce === ownerB.nonce &&\n      ownerA.first === ownerB.first',
    'ownerA.nonce === ownerB.nonce',
    ['packages/core/test/log/history.test.ts'],
  ),
  edit(
    'history: ahead is not on',
    'log/history.ts',
    "return position.index > log.head ? { kind: 'ahead' } : { kind: 'on' }",
    "return { kind: 'on' }",
    ['packages/core/test/log/history.test.ts'],
  ),
  edit(
    'history: the log',
    'log/history.ts',
    "if (log.logId !== position.logId) return { kind: 'off', agreedIndex: 0 }",
    '',
    ['packages/core/test/log/history.test.ts'],
  ),
  edit(
    'catch-up: another present is compared',
    'replicate/catch-up.ts',
    'if (!sameStamp(this.#checked, page)) {\n      // The store',
    'if (this.#checked === undefined) {\n      // The store',
    ['packages/core/test/replicate/catch-up.test.ts', 'test/simulation/losses.test.ts'],
    { runs: 60 },
  ),
  edit(
    'reads: a leader has written in this life of the server',
    'instance-replica.ts',
    'catchUp.seen.settled && ',
    '',
    ['test/simulation/losses.test.ts', 'packages/core/test/testing/life.test.ts'],
    { runs: 20 },
  ),
  edit(
    'copies: the entry is still on the own history',
    'write/copies.ts',
    'if (!this.#isOnHistory(entry)) return 0',
    '',
    ['packages/core/test/write/copies.test.ts'],
  ),
  edit(
    'copies: an acknowledgement by term',
    'write/copies.ts',
    'at.index >= entry.index && this.#isOnHistory(at)',
    'at.index >= entry.index',
    ['packages/core/test/write/copies.test.ts'],
  ),

  edit('results: a repeat gets the first one', 'apply/applier.ts', '    if (first) return first\n', '', [
    'packages/core/test/apply/operations.test.ts',
    'packages/core/test/operations.test.ts',
  ]),
  edit(
    'results: the fingerprint',
    'apply/applier.ts',
    'if (kept.fingerprint === fingerprint) return appliedAs',
    'if (true) return appliedAs',
    ['packages/core/test/apply/operations.test.ts', 'packages/core/test/operations.test.ts'],
  ),
  edit(
    'results: too late to tell',
    'apply/applier.ts',
    'if (since !== WINDOW_ONLY && this.#operations.evictedIndex > this.#behind(since)) {',
    'if (false) {',
    ['packages/core/test/apply/operations.test.ts', 'packages/core/test/testing/late-repeat.test.ts'],
  ),
  edit(
    'results: the term of what had been seen',
    'apply/applier.ts',
    'return term === undefined ? index : Math.min(index, this.#index, this.#table.lastOf(term))',
    'return index',
    ['packages/core/test/apply/operations.test.ts', 'packages/core/test/testing/late-repeat.test.ts'],
  ),
  edit(
    'results: a log that is gone has not been seen empty',
    'replicate/seen-head.ts',
    "if (end.logId !== '') this.#end = end",
    'this.#end = end',
    ['packages/core/test/replicate/seen-head.test.ts'],
  ),
  edit('results: kept in snapshots', 'apply/applier.ts', '    this.#operations.restore(operations)\n', '', [
    'packages/core/test/apply/operations.test.ts',
    'packages/core/test/operations.test.ts',
  ]),
  edit('applier: no gap', 'apply/applier.ts', 'if (entry.index !== this.#index + 1)\n', 'if (false)\n', [
    'packages/core/test/apply/applier.test.ts',
  ]),
  edit('applier: each entry once', 'apply/applier.ts', 'if (entry.index <= this.#index) return\n', '', [
    'packages/core/test/apply/applier.test.ts',
  ]),
  edit(
    'applier: a newer version of the app',
    'apply/applier.ts',
    'if (entry.version > version) throw',
    'if (false) throw',
    ['packages/core/test/apply/applier.test.ts', 'packages/core/test/replicate/too-old.test.ts'],
  ),

  edit(
    'take-over: hears what the others have',
    'operate/take-over.ts',
    'if (replicates && mayHaveLost(claim, applier.index)) {',
    'if (false) {',
    ['test/simulation/losses.test.ts'],
    { runs: 60 },
  ),
  edit(
    'take-over: the one with the most',
    'operate/take-over.ts',
    'if (keeper && !(recovers && keeper === self)) {',
    'if (keeper && !recovers) {',
    ['test/simulation/losses.test.ts'],
    { runs: 60 },
  ),
  edit(
    'take-over: another life of the server',
    'operate/take-over.ts',
    "return logId === '' || replIdChanged || applied > head",
    "return logId === '' || applied > head",
    ['test/simulation/losses.test.ts'],
    { runs: 60 },
  ),
  edit(
    'take-over: at the head before it serves',
    'operate/take-over.ts',
    'if (applier.index === served.head) return served',
    'return served',
    ['packages/core/test/operate/take-over.test.ts'],
  ),
  edit(
    'changes: a reset where the log was trimmed',
    'read/change-reader.ts',
    'if (page.first > before + 1) return yield this.#reset()\n',
    'if (page.first > before + 1) this.#index = page.first - 1\n',
    CHANGES,
  ),
  edit(
    'changes: a reset where the replica started over',
    'read/change-reader.ts',
    'if (isReadable(replica)) yield this.#reset()\n',
    'if (isReadable(replica)) this.#reset()\n',
    CHANGES,
  ),
  edit(
    'changes: only what the replica has applied',
    'read/change-reader.ts',
    'return applier.table.ownerOf(index)?.term === term',
    'return true',
    CHANGES,
  ),
  edit(
    'changes: nothing from memory behind a gap',
    'read/recent-changes.ts',
    'return index >= this.#first && index < this.#next',
    'return index < this.#next',
    CHANGES,
  ),
]
