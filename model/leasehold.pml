/*
 * Leasehold's protocol as shipped: claim, take-over, re-seed, append, replies that are lost, histories, snapshots, trimming,
 * operation ids and reads, while Redis loses what it likes. docs/model.md maps each step to the code, and lists the bounds,
 * the mutants and what is left out; scripts/lib/model-runs.mjs holds the runs. Each check of the product that the model has
 * can be taken out by a mutant, -DM_...: a check whose mutant finds no error would not be known to be of use.
 *
 * Run all:  npm run model
 * One run:  spin -a -DFLUSHES=1 model/leasehold.pml && gcc -O2 -DSAFETY -DHC4 -DNOREDUCE -DVECTORSZ=2048 -o pan pan.c
 *           ./pan -E -m100000 -w24            a trace of what it finds:  spin -t -T -DFLUSHES=1 model/leasehold.pml
 *
 * Entries form a tree: each knows the one that it was appended behind, so a log or a replica is known by its last entry, and
 * a history is the way from there to the root. A nonce, of a claim or of a re-seed, is a number that nothing else has. What
 * Redis keeps is saved at any one moment, and a rollback brings that moment back.
 */

/* ---- bounds ---- */
#ifndef N
#define N 2           /* instances */
#endif
#ifndef MC
#define MC 3          /* claims */
#endif
#ifndef RS
#define RS 1          /* re-seeds */
#endif
#ifndef MU
#define MU 2          /* entries ever appended, lost ones and markers too */
#endif
#ifndef NO
#define NO 2          /* operations; with PLAIN the last of them has no operation id that anybody repeats */
#endif
#ifndef DROPS
#define DROPS 0       /* a connection breaks; what it carried is lost, or runs later */
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 0   /* restart, failover or REPLICAOF: another replication id, older data */
#endif
#ifndef QUIET
#define QUIET 1       /* some of these leave client connections standing (REPLICAOF, proxies) */
#endif
#ifndef FLUSHES
#define FLUSHES 0     /* FLUSHALL: all is gone, connections and replication id stay */
#endif
#ifndef CRASHES
#define CRASHES 0     /* an instance begins again without its replica */
#endif
#ifndef CUTS
#define CUTS 0        /* an instance is cut off for a while */
#endif
#ifndef HANGS
#define HANGS 0       /* an instance stands still for a while, its connections standing */
#endif
#ifndef DUPS
#define DUPS 0        /* one append runs twice, as a client that resends would have it */
#endif
#ifndef SNAPS
#define SNAPS 0       /* snapshots switched in */
#endif
#ifndef DAMAGES
#define DAMAGES 0     /* the present snapshot becomes unreadable */
#endif
#ifndef AGES
#define AGES 0        /* entries so late that all results before them are let go */
#endif
#ifndef READS
#define READS 0       /* linearizable reads */
#endif
#ifndef GRANTS
#define GRANTS 0      /* grants of the lease; with 0 anyone may claim at any time */
#endif
/* Further: PLAIN, STUCK (the clock of Redis was ahead and is put right), VERSIONS (instance 0 runs an older app),
   ELSEWHERE (the lease does not lie on the log's Redis), CALM (faults end: everybody must come to agree with the log) */

#define MN (MC+RS)

/* ---- names of what is asserted: a report says the name, and the constant is always false ---- */
hidden byte G1_OUTRUN; hidden byte G2_FENCING; hidden byte G3_HONEST; hidden byte G4_KEPT; hidden byte G4_SNAPSHOT;
hidden byte G5_ORDER; hidden byte G5_VERSION; hidden byte G5_GAP; hidden byte G6_ONCE; hidden byte G7_CONVERGE; hidden byte G7_OFF;
hidden byte G7_REACH; hidden byte G8_POSITION; hidden byte G9_LINEARIZABLE;

/* ---- Redis: the hash meta, the log by its last entry, two snapshots by theirs ---- */
byte mN;                      /* nonce stored, and with it the term; 0 = none */
byte mL;                      /* logId; 0 = no log */
byte mR;                      /* replication id of the last write to the log; 0 = none */
byte mV;                      /* newest version of the app that has written */
byte mS;                      /* mark of the last re-seed; 0 = none */
byte tip; byte first = 1;     /* last entry; index that the log says it begins at */
byte low = 1;                 /* index that it really begins at */
byte sn; byte snB;            /* the snapshot, and the one before it */
byte life = 1;                /* replication id of the server */
byte dmg;                     /* a snapshot that is damaged */
byte up;                      /* a snapshot that was stored and offered */
byte sN; byte sL; byte sR; byte sV; byte sS; byte sTip; byte sFirst = 1; byte sLow = 1; byte sSn; byte sSnB; bool saved;

/* ---- nonces, entries, operations ---- */
byte nc; byte claims; byte term[MN+1]; byte gOf[MN+1];
byte nu; byte par[MU+1]; byte ix[MU+1]; byte ow[MU+1]; byte eo[MU+1]; byte el[MU+1]; bool ev[MU+1]; byte uv[MU+1];
byte lids;                    /* logIds given out */
byte acked;                   /* bit u: success was reported for entry u */
byte gone;                    /* bit u: entry u was given up by a recovery, whoever was not in reach may still have it */

#define PENDING 0
#define OK      1
#define FAILED  2             /* "it was not written and never will be" */
byte told[NO+1];              /* what the caller of an operation was told */
byte cop[NO+1];               /* instances that have a copy of it and have not refused it */
byte unk;                     /* operations of which some copy's fate is unknown */
byte used;                    /* plain operations that were sent, and are not known to be out */
byte rq;                      /* operations that are out and wait to be sent again */
byte since[NO+1];             /* last entry when the operation arrived, plus 1; 0 = not arrived */

/* ---- instances ---- */
#define FOLLOWER 0
#define CLAIMED  1            /* has claimed, and does not know yet whether it may build on what it found */
#define READY    2            /* may: re-seeds, creates, catches up */
#define LEADER   3

#define NONE    0
#define SENT    1             /* on the wire, or in a buffer of Redis */
#define DONE    2             /* has run; the reply is on its way */
#define REFUSED 3             /* FENCED or MISMATCH is on its way */
#define LOST    4             /* no reply will come */

byte role[N]; byte my[N]; bool conn[N]; byte lf[N]; byte ex[N]; bool los[N]; bool cl0[N]; byte heard[N];
byte ist[N]; byte iop[N]; byte iN[N]; byte iLf[N]; byte iLd[N]; byte iS[N]; byte iX[N]; byte iu[N]; byte pend[N];
byte at[N]; byte lidOf[N]; byte res[N]; byte eff[N]; byte lk[N]; byte evx[N];
byte cmp[N]; byte sl[N]; bool chk[N]; bool ahd[N]; byte ct[N];   /* ct: end of the log that it is ahead of */
byte away[N];                 /* 1 = cut off, 2 = stands still */
byte tf[N]; byte tfN[N];      /* a trim on its way, and its nonce */
#ifdef STUCK
byte flr[N];                  /* highest term seen */
#endif
#if GRANTS
byte lease; byte grants; byte stage[N]; byte g[N]; byte xt[N];
#endif

bool z; byte zN; byte zX; byte zO; byte zLf; byte zLd;          /* an append left in the buffer of a closed connection */
byte rdI; byte rdH; byte rdMask;                                /* a linearizable read: instance + 1, head, what it must show */
byte drops = DROPS; byte rolls = ROLLBACKS; byte flushes = FLUSHES; byte crashes = CRASHES; byte cuts = CUTS;
byte hangs = HANGS; byte dups = DUPS; byte snaps = SNAPS; byte damages = DAMAGES; byte ages = AGES; byte reads = READS;
byte reseeds = RS;
bool calm;

hidden byte k; hidden byte j; hidden byte ua; hidden byte ub; hidden byte q; hidden byte good; hidden byte us;
byte o; bool late;            /* choices of an append */

#define SAY(f,a,b)  printf(f, a, b)
#define BIT(x)      (1 << (x))
#define MIN(a,b)    ((a) < (b) -> (a) : (b))
#define HEAD        ix[tip]
#define IDX(i)      ix[at[i]]
#define LAST(i)     term[ow[at[i]]]
#define VERSION(i)  (i)
#define CANWRITE    (nu < MU)
#ifdef PLAIN
#define IS_PLAIN(x) ((x) == NO)
#else
#define IS_PLAIN(x) false
#endif

/* ---- the checks, each with its mutant ---- */
#ifdef M_TERM
#define TERM_OK(c)  true
#else
#define TERM_OK(c)  (term[mN] == term[c])
#endif
#ifdef M_NONCE
#define NONCE_OK(c) (mN != 0)
#else
#define NONCE_OK(c) (mN == (c))
#endif
#ifdef M_LOGID
#define LOGID_OK(l) true
#else
#define LOGID_OK(l) (mL == (l))
#endif
#ifdef M_LIFE
#define LIFE_OK(l)  true
#else
#define LIFE_OK(l)  (life == (l))
#endif
#ifdef M_HEAD
#define HEAD_OK(x)  true
#else
#define HEAD_OK(x)  (HEAD == ix[x])
#endif
#ifdef M_HEADTERM
#define HEADTERM_OK(x) true
#else
#define HEADTERM_OK(x) (term[ow[tip]] == term[ow[x]])
#endif
#ifdef M_TABLE
#define SAME(a,b)   true
#else
#ifdef M_TERMONLY
#define SAME(a,b)   (term[ow[a]] == term[ow[b]])
#else
#define SAME(a,b)   (ow[a] == ow[b])
#endif
#endif
#ifdef M_STAMP_NONCE
#define STAMP_NONCE(i) true
#else
#define STAMP_NONCE(i) (cmp[i] == mN)
#endif
#ifdef M_STAMP_LIFE
#define STAMP_LIFE(i) true
#else
#define STAMP_LIFE(i) (sl[i] == life)
#endif
#ifdef M_STAMP_LOGID
#define STAMP_LOGID(i) true
#else
#define STAMP_LOGID(i) (lidOf[i] == mL)
#endif
/* compared with the log's present, and on its history */
#define FRESH(i)    (chk[i] && STAMP_NONCE(i) && STAMP_LIFE(i) && STAMP_LOGID(i))
/* compared with just this end of the log: to look again changes nothing */
#define STILL_AHEAD(i) (ahd[i] && cmp[i] == mN && sl[i] == life && lidOf[i] == mL && ct[i] == tip)
#ifdef M_BIND
#define BOUND(i)    true
#else
#define BOUND(i)    conn[i]
#endif
#ifdef M_CATCHUP
#define CAUGHT_UP(i) true
#else
#define CAUGHT_UP(i) (IDX(i) == ix[ex[i]])
#endif
#ifdef M_RESEED_TERM
#define RESEED_TERM(i) true
#else
#define RESEED_TERM(i) (term[mN] == term[my[i]])
#endif
#ifdef M_RESEED_NONCE
#define RESEED_NONCE(i) true
#else
#define RESEED_NONCE(i) (mN == my[i])
#endif
#ifdef M_RESEED_LIFE
#define RESEED_LIFE(i) true
#else
#define RESEED_LIFE(i) (lf[i] == life)
#endif
#ifdef M_RESEED_LOGID
#define RESEED_LOGID(i) true
#else
#define RESEED_LOGID(i) (mL == 0 || mL == lidOf[i])
#endif
#ifdef M_RESEED_HEAD
#define RESEED_HEAD(i) true
#else
#define RESEED_HEAD(i) (HEAD < IDX(i))
#endif
#ifdef M_CREATE_FENCE
#define CREATE_FENCE(i) true
#else
#define CREATE_FENCE(i) (mN == my[i])
#endif
#ifdef M_CREATE_LIFE
#define CREATE_LIFE(i) true
#else
#define CREATE_LIFE(i) (lf[i] == life)
#endif
#ifdef M_LOADCHECK
#define LOAD_OK(d,s) true
#else
#define LOAD_OK(d,s) (ix[ua] == (d) && SAME(ua, s))
#endif
#ifdef M_INSTALL_FENCE
#define INSTALL_FENCE(i) true
#else
#define INSTALL_FENCE(i) (mN == my[i] && mL == lidOf[i])
#endif
#ifdef M_INSTALL_LIFE
#define INSTALL_LIFE(i) true
#else
#define INSTALL_LIFE(i) (lf[i] == life)
#endif
#ifdef M_INSTALL_HEAD
#define INSTALL_HEAD true
#else
#define INSTALL_HEAD (ix[up] <= HEAD)
#endif
#ifdef M_INSTALL_NEWER
#define INSTALL_NEWER true
#else
#define INSTALL_NEWER (ix[up] > ix[sn])
#endif
#ifdef M_INSTALL_OWNER
#define INSTALL_OWNER true
#else
#define INSTALL_OWNER SAME(ua, up)
#endif
#ifdef M_TRIM
#define TRIM_TO (ix[sn] + 1)
#else
#define TRIM_TO (ix[snB] + 1)
#endif
#ifdef M_TRIM_FENCE
#define TRIM_FENCE(i) true
#else
#define TRIM_FENCE(i) (mN == tfN[i])
#endif
#ifdef M_TRIM_BOUND
#define TRIM_BOUND(i) true
#else
#define TRIM_BOUND(i) (tf[i] <= TRIM_TO)
#endif
#ifdef M_READCHECK
#define READ_OK(i) true
#else
#define READ_OK(i) (role[i] == LEADER -> VALID(i) : FRESH(i))
#endif
#ifdef M_SINCE
#define BEHIND(a,s) ix[s]
#else
#define BEHIND(a,s) MIN(ix[s], ix[a])
#endif
#ifdef M_POSITION
#define POSITION_TOLD_APART(a,b) false
#else
#define POSITION_TOLD_APART(a,b) (term[ow[a]] != term[ow[b]])
#endif
#ifdef M_READWAIT
#define READ_WAITED(i) true
#else
#define READ_WAITED(i) (IDX(i) >= rdH)
#endif
/* a claim of this instance is the last one, and Redis is in the life of that claim */
#define VALID(i)    (my[i] != 0 && my[i] == mN && lf[i] == life)

/* x := the last entry up to index d on the way to e */
inline upTo(x, e, d) { x = e; do :: ix[x] > (d) -> x = par[x] :: else -> break od }

/* ---- a replica ---- */

inline forget(i) { at[i] = 0; res[i] = 0; eff[i] = 0; lk[i] = 0; evx[i] = 0 }

/* An entry is run, unless its operation has run before or may have. Markers change nothing. */
inline takeEffect(i, e) {
#ifdef VERSIONS
  assert(G5_VERSION || uv[e] <= VERSION(i));
#endif
  if
  :: eo[e] == 0 -> skip
  :: eo[e] != 0 && IS_PLAIN(eo[e]) -> assert(G6_ONCE || !(eff[i] & BIT(eo[e]))); eff[i] = eff[i] | BIT(eo[e])
  :: else ->
     if :: ev[e] && res[i] != 0 -> evx[i] = lk[i]; res[i] = 0 :: else fi;
     us = par[e];                                       /* what is left here of the term that the operation had seen */
     do :: us != 0 && term[ow[us]] != term[ow[since[eo[e]] - 1]] -> us = par[us] :: else -> break od;
     if
#ifndef M_DEDUPE
     :: (res[i] & BIT(eo[e])) -> skip
#endif
#ifndef M_WINDOW
     :: !(res[i] & BIT(eo[e])) && evx[i] > BEHIND(us, since[eo[e]] - 1) -> skip
#endif
     :: else ->
        assert(G6_ONCE || !(eff[i] & BIT(eo[e])));
        eff[i] = eff[i] | BIT(eo[e]); res[i] = res[i] | BIT(eo[e]); lk[i] = ix[e]
     fi
  fi
}

/* A snapshot holds the state, and the results with it. */
inline load(i, e) {
  forget(i); k = 1;
  do
  :: k <= ix[e] -> upTo(ua, e, k); takeEffect(i, ua); k++
  :: else -> break
  od;
#ifdef M_SNAPRES
  res[i] = 0; evx[i] = 0;
#endif
  at[i] = e; lidOf[i] = mL
}

/* Who waits here for this entry's operation is answered, whichever way the entry came. */
inline answer(i, e) {
  if
  :: eo[e] != 0 && ((pend[i] & BIT(eo[e])) || (ist[i] != NONE && iop[i] == eo[e])) ->
     pend[i] = pend[i] & ~BIT(eo[e]);
     if :: told[eo[e]] == PENDING -> told[eo[e]] = OK :: else fi;
     acked = acked | BIT(e)
  :: else
  fi
}

/* G8: a position (logId, term, index) is found only where its write is */
inline positions(i) {
#ifndef STUCK
  k = 1;
  do
  :: k <= nu ->
     if
     :: (acked & BIT(k)) && ix[k] <= IDX(i) && lidOf[i] == el[k] ->
        upTo(ua, at[i], ix[k]);
        assert(G8_POSITION || ua == k || POSITION_TOLD_APART(ua, k))
     :: else
     fi;
     k++
  :: else -> break
  od
#else
  skip
#endif
}

inline follow(i, e) {
  assert(G5_ORDER || par[e] == at[i]);
  assert(G3_HONEST || told[eo[e]] != FAILED);
  takeEffect(i, e); at[i] = e; answer(i, e)
}

/* compareHistory: by who owns the last index that both have */
inline compare(i) {
  cmp[i] = mN; sl[i] = life; good = true; q = 0;
#ifdef STUCK
  if :: term[mN] > flr[i] -> flr[i] = term[mN] :: else fi;
#endif
  if
  :: at[i] == 0 -> skip
  :: at[i] != 0 && mL == 0 -> q = 1
  :: at[i] != 0 && mL != 0 && lidOf[i] != mL -> good = false
  :: else ->
     k = MIN(IDX(i), HEAD);
     upTo(ua, at[i], k); upTo(ub, tip, k);
     good = SAME(ua, ub);
#ifndef M_AHEAD
     if :: good && IDX(i) > HEAD -> q = 1 :: else fi;
#endif
  fi;
  if
  :: !good ->
     SAY("%d is off, and forgets its entry %d\n", i, at[i]);
     upTo(ua, tip, IDX(i));
     assert(G7_OFF || ua != at[i]);                     /* nobody rebuilds a replica that is on the log's history */
     k = 1;
     do
     :: k <= nu ->
        upTo(ua, at[i], ix[k]); upTo(ub, tip, ix[k]);
        assert(G4_KEPT || ua != k || ub == k || !(acked & BIT(k)) || (gone & BIT(k))); k++
     :: else -> break
     od;
     forget(i)
  :: else
  fi;
  chk[i] = (q == 0); ahd[i] = (q == 1); ct[i] = (q == 1 -> tip : 0);
  if :: at[i] == 0 -> lidOf[i] = mL :: else fi;
  ua = 0; ub = 0; k = 0; q = 0
}

/* ---- what callers are told ---- */

/* This instance says that it did not write the operation and will not; the caller hears so when no other copy is open. */
inline refuse(i, x) {
  if
  :: x != 0 ->
     cop[x] = cop[x] & ~BIT(i);
#ifdef M_COPIES
     if :: told[x] == PENDING -> told[x] = FAILED :: else fi
#else
     if :: told[x] == PENDING && cop[x] == 0 && !(unk & BIT(x)) -> told[x] = FAILED; SAY("%d refuses operation %d\n", i, x) :: else fi
#endif
  :: else
  fi
}

/* Nobody can tell, and the caller hears that. The operation may be sent again. */
inline giveUp(i, mask) {
  unk = unk | (mask);
  k = 1;
  do
  :: k <= NO -> if :: (mask) & BIT(k) -> cop[k] = cop[k] & ~BIT(i) :: else fi; k++
  :: else -> break
  od; k = 0
}

#ifdef M_SEED
#define SEED_OK(i) true
#else
#define SEED_OK(i) (mS == iS[i])    /* shipped, the mark at the claim: the same, or the append was fenced before it was sent */
#endif
inline ended(i) { ist[i] = NONE; iop[i] = 0; iN[i] = 0; iLf[i] = 0; iLd[i] = 0; iS[i] = 0; iX[i] = 0; iu[i] = 0 }

/* fateOf and resolveLost: an append whose reply was lost, in view of the log's present */
inline resolve(i, claimed) {
  if
  :: ist[i] == LOST ->
     k = ix[iX[i]] + 1; upTo(ua, tip, k);
     if
     :: mL == iLd[i] && ix[ua] == k && ow[ua] == iN[i] -> pend[i] = pend[i] | BIT(iop[i]); ended(i)            /* in */
#ifndef M_EARLY
     :: !(mL == iLd[i] && ix[ua] == k && ow[ua] == iN[i]) && mL == iLd[i] && mN == iN[i] && life == iLf[i] -> skip /* open */
#endif
     :: else ->
        if
#ifdef M_NOTFOUND
        :: true ->
#else
        :: mL == iLd[i] && life == iLf[i] && SEED_OK(i) ->                                                     /* out */
#endif
           if
           :: claimed && iop[i] != 0 -> rq = rq | BIT(iop[i]); cop[iop[i]] = cop[iop[i]] & ~BIT(i); used = used & ~BIT(iop[i])
           :: else -> refuse(i, iop[i])
           fi
        :: else -> giveUp(i, BIT(iop[i]))                                                                      /* unknown */
        fi;
        ended(i)
     fi;
     k = 0; ua = 0
  :: else
  fi
}

/* ---- Redis ---- */

/* append.lua, sent under nonce c at life l for log d, behind entry x; q := the entry, or 0 */
inline append(c, x, op, l, d) {
  q = 0;
  if
  :: mL != 0 && LOGID_OK(d) && TERM_OK(c) && NONCE_OK(c) && LIFE_OK(l) && HEAD_OK(x) && HEADTERM_OK(x) ->
     assert(G2_FENCING || c == nc);
     assert(G3_HONEST || told[op] != FAILED);
     nu++; par[nu] = tip; ix[nu] = HEAD + 1; ow[nu] = c; eo[nu] = op; el[nu] = mL; tip = nu; mR = life; q = nu
  :: else
  fi
}

/* G4: what an instance holds that answered is not given up. Called when the log is what the claimant of i builds on. */
inline keeps(i) {
  k = 1;
  do
  :: k <= nu && VALID(i) ->
     upTo(ua, tip, ix[k]);
     if
     :: !(gone & BIT(k)) && ua != k ->
        j = 0;
        do
        :: j < N && (acked & BIT(k)) -> upTo(ub, at[j], ix[k]); assert(G4_KEPT || !(heard[i] & BIT(j)) || ub != k); j++
        :: else -> break
        od;
        gone = gone | BIT(k)
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0; j = 0; ua = 0; ub = 0
}

inline disconnect(i) {
  conn[i] = false;
  if
  :: ist[i] == SENT && !z -> z = true; zN = iN[i]; zX = iX[i]; zO = iop[i]; zLf = iLf[i]; zLd = iLd[i]
  :: else
  fi;
  if :: ist[i] != NONE -> ist[i] = LOST; iu[i] = 0 :: else fi
}

inline noLeftOver() { z = false; zN = 0; zX = 0; zO = 0; zLf = 0; zLd = 0 }

/* What is in flight may still get its answer: the connection is closed after that. */
inline stepDown(i) {
  role[i] = FOLLOWER; my[i] = 0; ex[i] = 0; lf[i] = 0; los[i] = false; cl0[i] = false; heard[i] = 0;
  if :: ist[i] == NONE || ist[i] == LOST -> conn[i] = false :: else fi;
#if GRANTS
  stage[i] = 0; g[i] = 0; if :: lease == i + 1 -> lease = 0 :: else fi;
#endif
}

inline noRead() { rdI = 0; rdH = 0; rdMask = 0 }

/* ---- the lease, where it is looked at ---- */
#if GRANTS
#ifdef M_OUTRUN
#define NOT_OUTRUN(i) true
#else
#define NOT_OUTRUN(i) (xt[i] == term[mN])
#endif
#if defined(M_LEASE) || defined(ELSEWHERE)
#define HAS_LEASE(i) true
#else
#define HAS_LEASE(i) (lease == i + 1)
#endif
#define MAY_CLAIM(i) (stage[i] == 3 && NOT_OUTRUN(i) && HAS_LEASE(i))
#else
#define MAY_CLAIM(i) true
#endif
#if defined(VERSIONS) && !defined(M_VERSION)
#define VERSION_OK(i) (mV <= VERSION(i))
#else
#define VERSION_OK(i) true
#endif
#if defined(VERSIONS) && !defined(M_STOP)
#define UNDERSTOOD(i,e) (uv[e] <= VERSION(i))
#else
#define UNDERSTOOD(i,e) true
#endif

/* Instances are alike, so it is enough that the first one claims first. A story allows less, and faults only where it wants
   them: so that an error which is known is found within seconds. */
#ifdef PATH_RESEED
#define CLAIM_WHEN(i) (i == claims)
#define SEND_WHEN(i)  (i == 0)
#define DROP_WHEN(i)  (i == 0 && ist[i] == SENT && nu == 1)
#define CUT_WHEN(i)   (i != 1 && flushes == 0 && (i == 2 || cuts == 1))
#define FLUSH_WHEN    (nu == 2 && at[1] == 1)
#else
#if defined(VERSIONS)
#define CLAIM_WHEN(i) true
#elif defined(PATH_SINCE)
#define CLAIM_WHEN(i) (claims == 0 -> i == 0 : i == 1)
#else
#define CLAIM_WHEN(i) (claims > 0 || i == 0)
#endif
#define SEND_WHEN(i)  !calm
#define DROP_WHEN(i)  !calm
#define CUT_WHEN(i)   !calm
#define FLUSH_WHEN    !calm
#endif
#ifdef PATH_SINCE
#define ARRIVE_WHEN   (nu == 1)
#define CRASH_WHEN(i) (i == 0 && nu == 1)
#define SAVE_WHEN     (nu == 0 && mL != 0)
#define ROLLBACK_WHEN (crashes == 0)
#else
#define ARRIVE_WHEN   !calm
#define CRASH_WHEN(i) !calm
#define SAVE_WHEN     !calm
#define ROLLBACK_WHEN !calm
#endif

/* nobody here waits for this operation already, and it may be sent */
#define TO_SEND(i, x) (told[x] == PENDING && !(cop[x] & BIT(i)) && !(IS_PLAIN(x) && (used & BIT(x))))
#define UP(i)       (away[i] == 0)
#define BUSY(i)     (ist[i] != NONE && ist[i] != LOST)
#ifdef M_ANSWERED
#define ANSWERED(x, i) (term[cmp[x]] >= term[my[i]])
#else
#define ANSWERED(x, i) (cmp[x] == my[i])
#endif
#define FURTHER(a, b)  (LAST(a) > LAST(b) || (LAST(a) == LAST(b) && IDX(a) > IDX(b)))

proctype Instance(byte i) {
  do
#if GRANTS
  :: d_step { UP(i) && stage[i] == 0 && lease == 0 && grants < GRANTS -> lease = i + 1; grants++; g[i] = grants; stage[i] = 1 }
  :: d_step { UP(i) && stage[i] == 1 -> xt[i] = term[mN]; stage[i] = 2 }
  :: d_step { UP(i) && stage[i] == 2 -> if :: lease == i + 1 -> stage[i] = 3 :: else -> stage[i] = 0; g[i] = 0 fi; xt[i] = (stage[i] == 3 -> xt[i] : 0) }
  :: d_step { UP(i) && stage[i] == 3 && !MAY_CLAIM(i) -> stage[i] = 0; g[i] = 0; xt[i] = 0 }
#endif

  /* CLAIM, and the comparison with what the claim found */
  :: d_step { UP(i) && !calm && claims < MC && CLAIM_WHEN(i) && MAY_CLAIM(i) && VERSION_OK(i) && !BUSY(i) &&
              (role[i] == FOLLOWER || !conn[i]) ->
       nc++; claims++;
#if GRANTS
       assert(G1_OUTRUN || gOf[mN] <= g[i]);          /* a grant of the lease deposes nobody of a later grant */
       gOf[nc] = g[i]; stage[i] = 1; xt[i] = 0;
#endif
#ifdef STUCK
       term[nc] = term[mN] + 1;
       if :: flr[i] + 1 > term[nc] -> term[nc] = flr[i] + 1 :: else fi;
       if :: LAST(i) + 1 > term[nc] -> term[nc] = LAST(i) + 1 :: else fi;
#else
       term[nc] = claims;                              /* time: above every term ever granted */
#endif
       SAY("%d claims, head %d\n", i, HEAD);
       mN = nc; my[i] = nc; ex[i] = tip; lf[i] = life; conn[i] = true; role[i] = CLAIMED; heard[i] = 0;
       cl0[i] = (mL == 0 && at[i] == 0);
#ifdef VERSIONS
       assert(G5_VERSION || mV <= VERSION(i));
#endif
       compare(i); resolve(i, true);
#ifdef M_REPLID_CHANGED
       los[i] = (mL == 0 || IDX(i) > HEAD);
#else
       los[i] = (mL == 0 || IDX(i) > HEAD || (mR != 0 && mR != life));
#endif
       if :: !good && tip != 0 -> stepDown(i) :: else fi;
       good = false }

  /* ASSESS: where something may be lost, hear the others; whoever has the most must build on it */
  :: d_step { UP(i) && role[i] == CLAIMED && conn[i] ->
       good = true; j = 0; q = 0;
       do
       :: j < N && los[i] ->
#ifndef M_SETTLE
          if :: j != i && UP(j) && !ANSWERED(j, i) -> q = 1 :: else fi;
#endif
          if
#ifndef M_SILENT
          :: cl0[i] && away[j] == 2 -> good = false
#endif
#ifndef M_ADVANCED
          :: j != i && UP(j) && ahd[j] && ANSWERED(j, i) && (!ahd[i] || FURTHER(j, i)) -> good = false
#endif
          :: else
          fi;
          j++
       :: else -> break
       od;
       if
       :: q == 1 -> skip                                /* somebody has not answered yet */
       :: q == 0 && good -> role[i] = READY; j = 0;
          do
          :: j < N -> if :: UP(j) || (cl0[i] && away[j] == 2) -> heard[i] = heard[i] | BIT(j) :: else fi; j++
          :: else -> break
          od
       :: else -> stepDown(i)
       fi;
       good = false; q = 0; j = 0 }

  /* RE-SEED: the log ends again where this replica does, at a snapshot of it */
  :: d_step { UP(i) && role[i] == READY && conn[i] && ahd[i] && reseeds > 0 ->
       if
       :: RESEED_TERM(i) && RESEED_NONCE(i) && RESEED_LIFE(i) && RESEED_LOGID(i) && RESEED_HEAD(i) ->
          SAY("%d puts back its entry %d\n", i, at[i]);
          reseeds--;
          assert(G2_FENCING || my[i] == nc);
          k = 1;
          do
          :: k <= IDX(i) -> upTo(ua, at[i], k); assert(G3_HONEST || told[eo[ua]] != FAILED); k++
          :: else -> break
          od;
          k = 1;
          do                                            /* what stood in the log and was acknowledged is not replaced */
          :: k <= nu ->
             upTo(ua, tip, ix[k]); upTo(ub, at[i], ix[k]);
             assert(G4_KEPT || !(acked & BIT(k)) || ua != k || ub == k); k++
          :: else -> break
          od;
          k = 0; ua = 0; ub = 0;
#ifndef M_RESEED_SAME
          nc++; term[nc] = term[my[i]]; gOf[nc] = gOf[my[i]];
#endif
          mN = nc; mL = lidOf[i]; mR = life; mS = mN; tip = at[i]; first = IDX(i) + 1; low = first; sn = at[i]; snB = 0;
          my[i] = nc; ex[i] = at[i];
          compare(i); resolve(i, true); good = false; keeps(i)
       :: else -> stepDown(i)
       fi }

  /* CREATE: nobody in reach holds anything, and there is no log */
  :: d_step { UP(i) && role[i] == READY && conn[i] && cl0[i] && !ahd[i] && at[i] == 0 ->
       if
       :: mL == 0 && CREATE_FENCE(i) && CREATE_LIFE(i) ->
          lids++; mL = lids; tip = 0; first = 1; low = 1; ex[i] = 0; cl0[i] = false;
#ifndef M_CREATE_REPLID
          mR = life;
#endif
          SAY("%d creates log %d\n", i, mL);
          compare(i); resolve(i, true); good = false; keeps(i)
       :: else -> stepDown(i)
       fi }

  /* OPEN: at exactly the head that the claim found, on the log's history */
  :: d_step { UP(i) && role[i] == READY && conn[i] && !cl0[i] && chk[i] && CAUGHT_UP(i) ->
       SAY("%d serves, head %d\n", i, ix[ex[i]]);
       keeps(i); role[i] = LEADER; los[i] = false; heard[i] = 0 }

  /* SEND an append */
  :: atomic { UP(i) && SEND_WHEN(i) && role[i] == LEADER && ist[i] == NONE && BOUND(i) && CANWRITE &&
               (TO_SEND(i, 1) || (NO > 2 && TO_SEND(i, 2)) || TO_SEND(i, NO)) ->
       if
       :: TO_SEND(i, 1) -> o = 1
       :: NO > 2 && TO_SEND(i, 2) -> o = 2
       :: TO_SEND(i, NO) -> o = NO
       fi;
       d_step {
         if :: AGES && since[o] == 0 -> since[o] = tip + 1 :: !AGES -> since[o] = 1 :: else fi;
         if
#ifndef M_DEDUPE
         :: (res[i] & BIT(o)) -> told[o] = OK           /* a repeat gets the first result */
#endif
         :: else ->
            ist[i] = SENT; iop[i] = o; iN[i] = my[i]; iLf[i] = lf[i]; iLd[i] = lidOf[i]; iS[i] = mS; iX[i] = ex[i];
            cop[o] = cop[o] | BIT(i); rq = rq & ~BIT(o);
            if :: IS_PLAIN(o) -> used = used | BIT(o) :: else fi
         fi; o = 0 } }

  /* ARRIVE: an operation reaches an instance that has just seen the head; its repeats carry that for ever */
#if AGES
  :: d_step { since[1] == 0 && ARRIVE_WHEN -> since[1] = tip + 1 }
#endif

  /* MARK: somebody has compared itself with this reign, and is still ahead */
#ifndef M_MARKER
  :: d_step { UP(i) && role[i] == LEADER && ist[i] == NONE && BOUND(i) && CANWRITE && LAST(i) != term[my[i]] ->
       j = 0; good = false;
       do
       :: j < N -> if :: j != i && UP(j) && ahd[j] && term[cmp[j]] >= term[my[i]] -> good = true :: else fi; j++
       :: else -> break
       od;
       if
       :: good -> SAY("%d marks the head %d\n", i, IDX(i)); ist[i] = SENT; iop[i] = 0; iN[i] = my[i]; iLf[i] = lf[i]; iLd[i] = lidOf[i]; iS[i] = mS; iX[i] = ex[i]
       :: else
       fi;
       good = false; j = 0 }
#endif

  /* REDIS runs what this instance has sent; perhaps twice, perhaps an hour after everything before */
  :: atomic { ist[i] == SENT && CANWRITE ->
       if :: ages > 0 && iop[i] != 0 -> late = true :: late = false fi;
       d_step {
         append(iN[i], iX[i], iop[i], iLf[i], iLd[i]);
         SAY("Redis runs the append of %d: entry %d\n", i, q);
         if
         :: q != 0 -> ist[i] = DONE; iu[i] = q; ev[q] = late; uv[q] = VERSION(i);
#ifdef VERSIONS
            if :: VERSION(i) > mV -> mV = VERSION(i) :: else fi;
#endif
            if :: late -> ages-- :: else fi
         :: else -> ist[i] = REFUSED
         fi;
         q = 0; late = false } }
  :: d_step { ist[i] == DONE && dups > 0 && CANWRITE -> dups--; append(iN[i], iX[i], iop[i], iLf[i], iLd[i]);
       SAY("Redis runs it again for %d: entry %d\n", i, q); q = 0 }

  /* REPLY: applied here, then answered; after the end of the term it comes back by reading */
  :: d_step { UP(i) && conn[i] && ist[i] == DONE ->
       if
       :: role[i] == LEADER && my[i] == iN[i] ->
          SAY("%d applies its own entry %d\n", i, iu[i]);
          follow(i, iu[i]); ex[i] = iu[i]; positions(i);
          upTo(ua, tip, ix[iu[i]]);
          assert(G5_ORDER || !VALID(i) || ua == iu[i]); ua = 0
       :: else -> if :: iop[i] != 0 && told[iop[i]] == PENDING && (IDX(i) < ix[iu[i]]) -> pend[i] = pend[i] | BIT(iop[i]) :: else fi;
          conn[i] = false
       fi;
       ended(i) }
  :: d_step { UP(i) && conn[i] && ist[i] == REFUSED -> refuse(i, iop[i]); ended(i); stepDown(i) }

  /* TIMEOUT of a write that waits to be read back */
  :: d_step { UP(i) && pend[i] != 0 -> giveUp(i, pend[i]); pend[i] = 0 }

  /* STEP DOWN, for whatever reason; DROP */
  :: d_step { role[i] != FOLLOWER && UP(i) && (!calm || !(role[i] == LEADER && VALID(i))) -> SAY("%d steps down, was %d\n", i, role[i]); stepDown(i) }
  :: d_step { conn[i] && drops > 0 && DROP_WHEN(i) -> drops--; SAY("the connection of %d breaks, append %d\n", i, ist[i]); disconnect(i) }
#ifdef M_BIND
  :: d_step { !conn[i] && role[i] == LEADER && ist[i] != SENT && UP(i) ->
       conn[i] = true; if :: ist[i] == LOST -> giveUp(i, BIT(iop[i])); ended(i) :: else fi }
#endif

  /* CHECK: another present of the log is compared before anything read from it is used */
  :: d_step { UP(i) && role[i] != LEADER && ((!FRESH(i) && !STILL_AHEAD(i)) || (ist[i] == LOST && role[i] == FOLLOWER)) ->
       compare(i); resolve(i, false);
       if :: role[i] != FOLLOWER && !chk[i] -> stepDown(i) :: role[i] != FOLLOWER && !good && tip != 0 -> stepDown(i) :: else fi;
       good = false }

  /* APPLY the next entry; or LOAD, where the log no longer reaches back so far */
  :: d_step { UP(i) && role[i] != LEADER && mL != 0 && FRESH(i) && at[i] != tip && IDX(i) < HEAD &&
              (role[i] == FOLLOWER || IDX(i) < ix[ex[i]]) ->
       if
       :: first > IDX(i) + 1 ->
          ub = 0;
#ifndef M_LOADBEFORE
          k = ix[snB]; upTo(ua, tip, k);
          if :: snB != 0 && dmg != snB && ix[snB] > IDX(i) && UNDERSTOOD(i, snB) && LOAD_OK(k, snB) -> ub = snB :: else fi;
#endif
          k = ix[sn]; upTo(ua, tip, k);
          if
          :: sn != 0 && dmg != sn && ix[sn] > IDX(i) && UNDERSTOOD(i, sn) && LOAD_OK(k, sn) -> ub = sn
          :: else
          fi;
          if
          :: ub != 0 -> SAY("%d loads the snapshot at entry %d\n", i, ub); q = ub; load(i, q);
             upTo(ua, tip, IDX(i)); assert(G5_ORDER || ua == at[i]); positions(i)
          :: else -> assert(G7_REACH || (dmg != 0 && dmg == sn && snB == 0) || !UNDERSTOOD(i, tip))   /* the one before must reach the log */
          fi;
          k = 0; ua = 0; ub = 0; q = 0
       :: else ->
          upTo(q, tip, IDX(i) + 1);
          assert(G5_GAP || ix[q] >= low);
          if :: UNDERSTOOD(i, q) -> SAY("%d applies entry %d\n", i, q); follow(i, q); positions(i) :: else fi;
          q = 0
       fi }

#if SNAPS
  /* SNAPSHOT: stored by anyone who believes to be on the log's history; switched in by the leader */
  :: d_step { UP(i) && !calm && snaps > 0 && at[i] != 0 && up != at[i] && (role[i] == LEADER || chk[i]) -> up = at[i] }
  :: d_step { UP(i) && role[i] == LEADER && conn[i] && up != 0 && snaps > 0 &&
              INSTALL_FENCE(i) && INSTALL_LIFE(i) && INSTALL_HEAD && INSTALL_NEWER ->
       upTo(ua, tip, ix[up]);
       if
       :: INSTALL_OWNER ->
          SAY("%d switches in the snapshot at entry %d\n", i, up);
          assert(G4_SNAPSHOT || ua == up);
          assert(G7_REACH || ix[up] + 1 >= first);
          snaps--; snB = sn; sn = up; up = 0
       :: else -> up = 0
       fi; ua = 0 }
  /* TRIM: what the leader saw when it looked, carried out when Redis gets it */
  :: d_step { UP(i) && role[i] == LEADER && conn[i] && tf[i] == 0 && TRIM_TO > first -> tf[i] = TRIM_TO; tfN[i] = my[i] }
  :: d_step { tf[i] != 0 ->
       if
       :: mL != 0 && TRIM_FENCE(i) && TRIM_BOUND(i) ->
          SAY("the log is trimmed to begin at %d, by %d\n", tf[i], i);
          first = tf[i]; if :: tf[i] > low -> low = tf[i] :: else fi;
          assert(G5_GAP || first >= low)
       :: else
       fi;
       tf[i] = 0; tfN[i] = 0 }
#endif

#if READS
  /* LINEARIZABLE READ: asks for the head, waits, answers */
  :: d_step { UP(i) && reads > 0 && rdI == 0 && mL != 0 && READ_OK(i) ->
       SAY("%d reads the head %d\n", i, HEAD); reads--; rdI = i + 1; rdH = HEAD; k = 1;
       do
       :: k <= nu -> upTo(ua, tip, ix[k]); if :: ua == k && (acked & BIT(k)) -> rdMask = rdMask | BIT(k) :: else fi; k++
       :: else -> break
       od; k = 0; ua = 0 }
  :: d_step { UP(i) && rdI == i + 1 && !ahd[i] && READ_WAITED(i) ->
       k = 1;
       do
       :: k <= nu -> upTo(ua, at[i], ix[k]); assert(G9_LINEARIZABLE || !(rdMask & BIT(k)) || ua == k); k++
       :: else -> break
       od;
       upTo(ua, tip, IDX(i)); assert(G9_LINEARIZABLE || ua == at[i]);      /* nor anything that the log does not have */
       k = 0; ua = 0; noRead() }
#endif

  /* CRASH; CUT OFF or standing still; back */
  :: d_step { crashes > 0 && UP(i) && CRASH_WHEN(i) -> crashes--; SAY("%d begins again without its entry %d\n", i, at[i]);
       disconnect(i); if :: ist[i] == LOST -> giveUp(i, BIT(iop[i])) :: else fi; ended(i); stepDown(i);
       giveUp(i, pend[i]); pend[i] = 0;
#ifdef STUCK
       flr[i] = 0;
#endif
       forget(i); chk[i] = false; ahd[i] = false; ct[i] = 0; cmp[i] = 0; sl[i] = 0; lidOf[i] = 0;
       j = 0; do :: j < N -> heard[j] = heard[j] & ~BIT(i); j++ :: else -> break od; j = 0;
       if :: rdI == i + 1 -> noRead() :: else fi }
  :: d_step { cuts > 0 && UP(i) && CUT_WHEN(i) -> cuts--; away[i] = 1; SAY("%d is cut off, at entry %d\n", i, at[i]) }
  :: d_step { hangs > 0 && UP(i) && !calm -> hangs--; away[i] = 2; SAY("%d stands still, at entry %d\n", i, at[i]) }
  :: d_step { away[i] != 0 -> away[i] = 0; SAY("%d is back, at entry %d\n", i, at[i]) }
  od
}

inline loseConnections() {
  j = 0;
  do
  :: j < N -> conn[j] = false; if :: ist[j] != NONE -> ist[j] = LOST; iu[j] = 0 :: else fi; tf[j] = 0; tfN[j] = 0; j++
  :: else -> break
  od; j = 0; noLeftOver()
}

inline restore() {
  mN = sN; mL = sL; mR = sR; mV = sV; mS = sS; tip = sTip; first = sFirst; low = sLow; sn = sSn; snB = sSnB; saved = false;
  life++; rolls--; noRead(); SAY("ROLLBACK to entry %d, nonce %d\n", tip, mN)
}

proctype World() {
  do
  /* QUEUE CLOSES: what was out, and waited at its instance to be sent again, is refused */
  :: d_step { rq != 0 -> o = (rq & BIT(1) -> 1 : (rq & BIT(2) -> 2 : NO)); rq = rq & ~BIT(o); refuse(N, o); o = 0 }

  /* what was left in the buffer of a closed connection runs, or never does */
  :: d_step { z && CANWRITE -> append(zN, zX, zO, zLf, zLd); SAY("Redis runs what nonce %d had left: entry %d\n", zN, q); q = 0; noLeftOver() }
  :: d_step { z -> noLeftOver() }
#if ROLLBACKS
  :: d_step { rolls > 0 && !saved && mN != 0 && SAVE_WHEN -> saved = true;
       sN = mN; sL = mL; sR = mR; sV = mV; sS = mS; sTip = tip; sFirst = first; sLow = low; sSn = sn; sSnB = snB }
  :: d_step { rolls > 0 && mN != 0 && ROLLBACK_WHEN -> restore(); loseConnections() }
#if QUIET
  :: d_step { rolls > 0 && mN != 0 && ROLLBACK_WHEN -> restore() }
#endif
#endif
#if FLUSHES
  :: d_step { flushes > 0 && mN != 0 && FLUSH_WHEN -> flushes--; SAY("FLUSHALL at entry %d, nonce %d\n", tip, mN); noRead();
       mN = 0; mL = 0; mR = 0; mV = 0; mS = 0; tip = 0; first = 1; low = 1; sn = 0; snB = 0; up = 0 }
#endif
#if DAMAGES
  :: d_step { damages > 0 && sn != 0 && !calm -> damages--; dmg = sn }
#endif
#if GRANTS
  :: d_step { lease != 0 -> lease = 0 }
#endif
#ifdef CALM
  /* faults end while somebody leads: when nothing is left to do, everybody agrees with the log */
  :: d_step { !calm && CANWRITE && ((role[0] == LEADER && VALID(0) && conn[0]) || (role[N-1] == LEADER && VALID(N-1) && conn[N-1])) -> calm = true }
  :: timeout -> j = 0;
       do
       :: j < N -> assert(G7_CONVERGE || !calm || !CANWRITE || (at[j] == tip && (role[j] == LEADER || FRESH(j)))); j++
       :: else -> break
       od;
       break
#endif
  od
}

init { atomic { byte p = 0; do :: p < N -> run Instance(p); p++ :: else -> break od; run World() } }
