/**
 * What is asked of model/leasehold.pml: each run with the bounds and mutants that it is compiled with. docs/model.md says
 * what they are about, and test/structure/model.test.ts that it does.
 */

/** Must find no error, in all states within their bounds. Small ones first: what the time does not suffice for is the rest. */
export const CONFIGURATIONS = [
  ['connections break', 'DROPS=2'],
  ['connections break, no operation id', 'DROPS=2', 'PLAIN'],
  ['FLUSHALL', 'FLUSHES=1', 'DROPS=1'],
  ['FLUSHALL, out of reach', 'FLUSHES=1', 'CUTS=1', 'MU=3'],
  ['FLUSHALL, standing still', 'FLUSHES=1', 'HANGS=1'],
  ['FLUSHALL, crash', 'FLUSHES=1', 'CRASHES=1'],
  ['an entry out of reach at a re-seed', 'PATH_RESEED', 'N=3', 'RS=2', 'FLUSHES=1', 'CUTS=2', 'DROPS=1'],
  ['two FLUSHALLs', 'FLUSHES=2', 'RS=2'],
  ['rollback', 'ROLLBACKS=1'],
  ['rollback, no operation id', 'ROLLBACKS=1', 'PLAIN'],
  ['the clock of Redis is behind', 'STUCK', 'ROLLBACKS=1'],
  ['the clock of Redis is behind, FLUSHALL', 'STUCK', 'FLUSHES=1'],
  ['lease on the log’s Redis', 'GRANTS=3'],
  ['lease elsewhere', 'GRANTS=3', 'ELSEWHERE'],
  ['two versions of the app', 'VERSIONS', 'DROPS=1', 'CRASHES=1'],
  ['one append runs twice', 'DUPS=1', 'MU=3', 'DROPS=1'],
  ['results let go', 'AGES=1', 'DROPS=1', 'MU=3'],
  ['results let go, after a rollback', 'PATH_SINCE', 'AGES=1', 'ROLLBACKS=1', 'CRASHES=1', 'MU=4', 'QUIET=0'],
  ['snapshots', 'SNAPS=2', 'MU=3', 'NO=3', 'MC=2'],
  ['snapshots, a damaged one', 'SNAPS=2', 'DAMAGES=1', 'CRASHES=1'],
  ['snapshots, FLUSHALL', 'SNAPS=1', 'FLUSHES=1'],
  ['in the end all agree: rollback', 'CALM', 'ROLLBACKS=1', 'CUTS=1', 'MC=2'],
  ['in the end all agree: FLUSHALL', 'CALM', 'FLUSHES=1', 'CUTS=1', 'MU=3'],
  ['linearizable reads, rollback', 'READS=1', 'ROLLBACKS=1', 'MC=2'],
  ['linearizable reads, FLUSHALL', 'READS=1', 'FLUSHES=1', 'CUTS=1', 'MC=2'],
  ['three instances', 'N=3', 'MU=2'],
  ['three instances, FLUSHALL', 'N=3', 'FLUSHES=1', 'MC=2'],
  ['rollback, connections break', 'ROLLBACKS=1', 'DROPS=1'],
  ['rollback, out of reach', 'ROLLBACKS=1', 'CUTS=1'],
  ['rollback, crash', 'ROLLBACKS=1', 'CRASHES=1'],
  ['snapshots, rollback', 'SNAPS=1', 'ROLLBACKS=1', 'MC=2', 'CRASHES=1'],
  ['two rollbacks', 'ROLLBACKS=2', 'RS=2'],
]

/** Each takes one check out, and must fail in the assertion that stands first. */
export const MUTANTS = [
  ['G2_FENCING', 'M_LIFE', 'ROLLBACKS=1'],
  ['G2_FENCING', 'M_NONCE', 'STUCK', 'FLUSHES=1'],
  ['G5_ORDER', 'M_HEAD', 'DUPS=1', 'MU=4', 'NO=3'],
  ['G5_ORDER', 'M_TABLE', 'ROLLBACKS=1', 'CUTS=1', 'MU=3', 'MC=2', 'QUIET=0'],
  ['G5_ORDER', 'M_TERMONLY', 'STUCK', 'ROLLBACKS=1', 'CUTS=1', 'MU=3', 'QUIET=0'],
  ['G4_KEPT', 'M_AHEAD', 'ROLLBACKS=1'],
  ['G9_LINEARIZABLE', 'M_STAMP_NONCE', 'FLUSHES=1', 'CUTS=1', 'READS=1', 'MC=2'],
  ['G9_LINEARIZABLE', 'M_STAMP_LIFE', 'ROLLBACKS=1', 'READS=1', 'MC=2'],
  ['G7_OFF', 'M_STAMP_LOGID'],
  ['G4_KEPT', 'M_ADVANCED', 'FLUSHES=1'],
  ['G4_KEPT', 'M_SETTLE', 'FLUSHES=1'],
  ['G4_KEPT', 'M_ANSWERED', 'STUCK', 'FLUSHES=1'],
  ['G4_KEPT', 'M_SILENT', 'FLUSHES=1', 'HANGS=1'],
  ['G4_KEPT', 'M_REPLID_CHANGED', 'ROLLBACKS=1'],
  ['G4_KEPT', 'M_CREATE_REPLID', 'ROLLBACKS=1'],
  ['G4_KEPT', 'M_CREATE_LIFE', 'ROLLBACKS=1'],
  ['G4_KEPT', 'M_CREATE_FENCE', 'FLUSHES=1'],
  ['G2_FENCING', 'M_RESEED_LIFE', 'ROLLBACKS=2', 'RS=2'],
  ['G5_ORDER', 'M_CATCHUP'],
  ['G3_HONEST', 'M_EARLY', 'DROPS=1'],
  ['G3_HONEST', 'M_NOTFOUND', 'ROLLBACKS=1', 'DROPS=1'],
  ['G3_HONEST', 'M_SEED', 'PATH_RESEED', 'N=3', 'RS=2', 'FLUSHES=1', 'CUTS=2', 'DROPS=1'],
  ['G3_HONEST', 'M_COPIES', 'DROPS=1'],
  ['G6_ONCE', 'M_DEDUPE', 'DROPS=1'],
  ['G6_ONCE', 'M_WINDOW', 'AGES=1', 'DROPS=1', 'MU=3'],
  ['G6_ONCE', 'M_SINCE', 'PATH_SINCE', 'AGES=1', 'ROLLBACKS=1', 'CRASHES=1', 'MU=4', 'QUIET=0'],
  ['G6_ONCE', 'M_SNAPRES', 'SNAPS=2', 'CRASHES=1', 'MU=4', 'DROPS=1'],
  ['G4_SNAPSHOT', 'M_INSTALL_HEAD', 'SNAPS=1', 'ROLLBACKS=1', 'CRASHES=1', 'QUIET=0', 'MC=2'],
  ['G4_SNAPSHOT', 'M_INSTALL_OWNER', 'SNAPS=1', 'ROLLBACKS=1', 'CRASHES=1', 'QUIET=0', 'MC=2'],
  ['G7_REACH', 'M_INSTALL_NEWER', 'SNAPS=3', 'DAMAGES=1', 'CRASHES=1', 'MU=3', 'NO=3'],
  ['G7_REACH', 'M_TRIM', 'SNAPS=2', 'DAMAGES=1', 'CRASHES=1', 'MU=3'],
  ['G7_REACH', 'M_TRIM_BOUND', 'SNAPS=2', 'ROLLBACKS=1', 'CRASHES=1', 'MC=2'],
  ['G5_GAP', 'M_TRIM_FENCE', 'SNAPS=3', 'MU=3', 'NO=3', 'MC=2'],
  ['G7_REACH', 'M_LOADBEFORE', 'SNAPS=2', 'DAMAGES=1', 'CRASHES=1', 'MU=3'],
  ['G7_CONVERGE', 'M_MARKER', 'CALM', 'FLUSHES=1', 'CUTS=1', 'MU=3'],
  ['G8_POSITION', 'M_POSITION', 'ROLLBACKS=1', 'CRASHES=1', 'MC=2', 'QUIET=0'],
  ['G9_LINEARIZABLE', 'M_READCHECK', 'READS=1', 'ROLLBACKS=1', 'MC=2'],
  ['G9_LINEARIZABLE', 'M_READWAIT', 'READS=1'],
  ['G5_VERSION', 'M_VERSION', 'VERSIONS'],
  ['G5_VERSION', 'M_STOP', 'VERSIONS'],
  ['G1_OUTRUN', 'M_OUTRUN', 'GRANTS=2', 'ELSEWHERE'],
]

/** Another check implies it: alone it must find no error within these bounds, and with its partner what stands first. */
export const REDUNDANT = [
  ['G2_FENCING', 'M_TERM', 'M_NONCE', 'FLUSHES=1'],
  ['G5_ORDER', 'M_HEADTERM', 'M_HEAD', 'DUPS=1', 'MU=3'],
  ['G2_FENCING', 'M_BIND', 'M_LIFE', 'ROLLBACKS=1', 'QUIET=0'],
  ['G2_FENCING', 'M_RESEED_TERM', 'M_RESEED_NONCE', 'FLUSHES=1'],
  ['G2_FENCING', 'M_RESEED_NONCE', 'M_RESEED_TERM', 'FLUSHES=1'],
  ['G1_OUTRUN', 'M_LEASE', 'M_OUTRUN', 'GRANTS=2'],
]

/** Of no use within these bounds, with no partner known that would show one: must find no error. */
export const UNSHOWN = [
  ['M_LOGID', 'FLUSHES=1'],
  ['M_RESEED_LOGID', 'FLUSHES=1'],
  ['M_RESEED_HEAD', 'FLUSHES=1'],
  ['M_RESEED_SAME', 'FLUSHES=1', 'CUTS=1', 'MC=2'],
  ['M_INSTALL_FENCE', 'SNAPS=2', 'MC=2'],
  ['M_INSTALL_LIFE', 'SNAPS=1', 'ROLLBACKS=1', 'MC=2'],
  ['M_LOADCHECK', 'SNAPS=2', 'CRASHES=1', 'MC=2'],
]

/** Known errors of the protocol as it is, each a story that the model tells: must fail as named, until they are mended. None now. */
export const OPEN = []
