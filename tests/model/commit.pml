/*
 * The protocol of group commit, for spin: workers hand commands to a committer
 * through slots in shared memory; the committer runs all that wait in one
 * transaction, commits once, and answers.  Any of them may be killed between
 * any two steps, and another one goes on with what lies in shared memory and
 * on the disk.
 *
 * What is checked, and where:
 *   no lost wake-up, no slot lost    no invalid end state: a worker ends only
 *                                    when all its slots are FREE again
 *   no endless work                  no cycle at all (pan -l)
 *   answered means on disk, once     worker: answer(); committer: commit
 *   refused means never              deny(), and commit
 *   a committed batch is not rerun   execute()
 *
 * What stands for what:
 *   - A step is one access to what others see; what is local goes with it.
 *     A process dies after a step: until its successor starts, that is the
 *     same as dying at any time before the next one.
 *     What only its owner looks at (the command of a FREE slot, all of a slot
 *     that is DONE) is changed in the step that ends this.
 *   - Kills, time-outs, failures and restarts are finite in number.  None of
 *     them hides a standstill: kills and failures are choices within a step,
 *     and every smaller number of time-outs and restarts is tried as well.
 *   - Batch numbers are only ever compared with the current one and never come
 *     back within a generation, so one bit says whether they are equal.  The
 *     bell likewise: whether it moved between its reading and the futex.
 *   - Any one of the commands is the watched one; what holds for it holds for
 *     all of them.
 *   - Each generation has a meta row of its own: what two servers on one store
 *     do to each other is to wait for LMDB's lock.  The row goes with the end
 *     of its server.
 *   - A committer that is to retire (a reload) ends after a batch, with nothing
 *     TAKEN: like one that dies there.  Owners that come and go while it runs
 *     only change which slots are looked at, from one batch to the next.
 *   - Memory is sequentially consistent.  The C code owes that to the accesses
 *     of bell and asleep (seq_cst), and release and acquire to the states.
 *
 * The names in `variants`, given with -D, break it on purpose.
 */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef SLOTS_EACH
#define SLOTS_EACH 1		/* 1 or 2 */
#endif
#ifndef COMMANDS
#define COMMANDS 1		/* of each worker */
#endif
#ifndef COMMITTER_KILLS
#define COMMITTER_KILLS 0
#endif
#ifndef WORKER_KILLS
#define WORKER_KILLS 0
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0
#endif
#ifndef FAILURES
#define FAILURES 0		/* of a commit */
#endif
#ifndef RESTARTS
#define RESTARTS 0		/* everything dies, or loses its power */
#endif
#ifndef LIMIT
#define LIMIT SLOTS		/* commands of a batch */
#endif

#define SLOTS (WORKERS * SLOTS_EACH)
#define OWNER(slot) ((slot) / SLOTS_EACH)
#define FIRST(worker) ((worker) * SLOTS_EACH)
#define LAST(worker) (FIRST(worker) + SLOTS_EACH - 1)
#define BIT(number) (1 << (number))
#define OWNED(worker) ((BIT(SLOTS_EACH) - 1) << FIRST(worker))

mtype:state = { FREE, READY, TAKEN, DONE };
mtype:outcome = { EMPTY, SUCCESS, REFUSAL, UNAVAILABLE, UNKNOWN };
mtype:bell = { UNREAD, READ, MOVED };
mtype:command = { NONE, ORDINARY, WATCHED };
mtype:client = { NOBODY, WAITING, OVERDUE };

/* Shared memory. */
mtype:bell bell = UNREAD;
bool asleep;
mtype:state state[SLOTS] = FREE;
bool slot_is_batch[SLOTS];	/* slot_batch == batch */
mtype:command command[SLOTS] = NONE;
mtype:outcome outcome[SLOTS] = EMPTY;
mtype:command outcome_of[SLOTS] = NONE;	/* the command it belongs to */

/* The kernel. */
bool sleeping;			/* the committer, in futex_wait */
bool event[WORKERS];		/* an eventfd that is not zero */
bit generation;

/* The disk. */
bool flushed = true;		/* all that is visible is durable as well */
bool visible;			/* the effect of the watched command */
bool durable;
bool meta_is_batch;		/* the meta row == (generation, batch) */
bool meta_is_old;		/* ... is of a generation before */
bool unseen;			/* the last commit, by LMDB's readers: a
				 * writer died in it, and none has begun
				 * since */

/* What each worker remembers, and forgets when it dies. */
mtype:client client[SLOTS] = NOBODY;

/* What only the properties know. */
bool watching;			/* the watched command was issued */
bool denied;			/* it is never to take effect */

byte issued[WORKERS];
byte committer_kills = COMMITTER_KILLS;
byte worker_kills = WORKER_KILLS;
byte timeouts = TIMEOUTS;
byte failures = FAILURES;
byte restarts = RESTARTS;

#define OR_DIE(kills) \
	if \
	:: true \
	:: kills > 0 -> kills--; goto born \
	fi

#if RESTARTS
#define UNLESS_RESTARTED unless { generation != mine -> goto born }
#else
#define UNLESS_RESTARTED
#endif

inline deny(s)
{
	if
	:: command[s] == WATCHED -> assert(!visible); denied = true
	:: command[s] == ORDINARY
	fi
}

/* What lay in a slot is nobody's any more: to read it is an error. */
inline clear(s)
{
	state[s] = FREE;
	command[s] = NONE;
	outcome[s] = EMPTY;
	outcome_of[s] = NONE
}

/* The worker tells its client what the slot says. */
inline answer(s)
{
	if
	:: client[s] == NOBODY
	:: else ->
		assert(command[s] != NONE);
		assert(outcome_of[s] == command[s]);
		if
		:: outcome[s] == SUCCESS ->
			assert(command[s] != WATCHED || durable)
		:: outcome[s] == REFUSAL || outcome[s] == UNAVAILABLE ->
			deny(s)
		:: outcome[s] == UNKNOWN
		:: outcome[s] == EMPTY -> assert(false)
		fi;
		client[s] = NOBODY
	fi
}

/* The worker gives up a command that nobody has begun. */
inline withdraw(s)
{
	deny(s);
	client[s] = NOBODY;
	clear(s)
}

/* A slot whose worker died, seen by the next one. */
inline take_over(s)
{
	client[s] = NOBODY;
	if
	:: state[s] == FREE -> clear(s)
	:: state[s] == READY -> withdraw(s)
	:: state[s] == TAKEN
#ifdef TAKEN_SLOT_FREED
		-> clear(s)
#endif
	:: state[s] == DONE -> clear(s)
	fi
}

proctype worker(byte w)
{
	byte s = 0;
	mtype:command new = NONE;
	bit mine;

born:
	atomic { mine = generation; s = FIRST(w); new = NONE }
	{
	do
	:: atomic { s <= LAST(w) -> take_over(s); s++; OR_DIE(worker_kills) }
	:: atomic { s > LAST(w) -> s = 0; break }
	od;

	do
	:: atomic {
		issued[w] < COMMANDS &&
		(state[FIRST(w)] == FREE || state[LAST(w)] == FREE) ->
		if
		:: state[FIRST(w)] == FREE -> s = FIRST(w)
		:: state[LAST(w)] == FREE -> s = LAST(w)
		fi;
		client[s] = WAITING;
		issued[w]++;
		if
		:: !watching -> watching = true; new = WATCHED
		:: new = ORDINARY
		fi;
#ifdef READY_BEFORE_COMMAND
		state[s] = READY;
		OR_DIE(worker_kills)
	   }
	   atomic {
		command[s] = new;
		new = NONE;
#else
		command[s] = new;
		new = NONE;
		state[s] = READY;
#endif
		OR_DIE(worker_kills)
	   }
	   s = 0;
	   if
	   :: atomic { asleep -> OR_DIE(worker_kills) };
	      atomic {
		if
		:: bell == READ -> bell = MOVED
		:: bell != READ
		fi;
		OR_DIE(worker_kills)
	      }
#ifndef NO_WAKE
	      atomic { sleeping = false; OR_DIE(worker_kills) }
#endif
	   :: !asleep
	   fi

	:: atomic {
		event[w] ->
#ifndef EVENT_READ_AFTER_SCAN
		event[w] = false;
#endif
		s = FIRST(w);
		OR_DIE(worker_kills)
	   }
	   do
	   :: atomic { s <= LAST(w) && state[s] != DONE -> s++ }
	   :: atomic { s <= LAST(w) && state[s] == DONE ->
		answer(s);
		OR_DIE(worker_kills);
		clear(s);
		s++;
		OR_DIE(worker_kills)
	      }
	   :: atomic { s > LAST(w) -> s = 0; break }
	   od;
#ifdef EVENT_READ_AFTER_SCAN
	   atomic { event[w] = false; OR_DIE(worker_kills) }
#endif

	/* The time of a command is over: the first time, then the second. */
	:: atomic {
		timeouts > 0 && (client[FIRST(w)] != NOBODY ||
		client[LAST(w)] != NOBODY) ->
		timeouts--;
		if
		:: client[FIRST(w)] != NOBODY -> s = FIRST(w)
		:: client[LAST(w)] != NOBODY -> s = LAST(w)
		fi;
		if
		:: client[s] == WAITING && state[s] == READY ->
#ifndef WITHDRAWAL_WITHOUT_CAS
			withdraw(s)
#endif
		:: client[s] == WAITING && state[s] != READY ->
			client[s] = OVERDUE;
			s = 0
		:: client[s] == OVERDUE ->
			client[s] = NOBODY;
#ifdef OVERDUE_SLOT_FREED
			clear(s);
#endif
			s = 0
		fi;
		OR_DIE(worker_kills)
	   }
#ifdef WITHDRAWAL_WITHOUT_CAS
	   if
	   :: atomic { client[s] == WAITING -> withdraw(s) }
	   :: client[s] != WAITING
	   fi;
#endif
	   s = 0

	:: issued[w] == COMMANDS && state[FIRST(w)] == FREE &&
	   state[LAST(w)] == FREE -> break
	od
	} UNLESS_RESTARTED
}

inline flush()
{
	durable = visible;
	flushed = true
}

/* A command in the committer's transaction. */
inline execute(s, c)
{
	assert(c != NONE);
	assert(c != WATCHED || !(visible || denied));
	if
	:: writes = true;
#ifndef OUTCOME_AFTER_COMMIT
		outcome[s] = SUCCESS;
#endif
		watched = (c == WATCHED -> SUCCESS : watched)
	:: outcome[s] = REFUSAL;
		watched = (c == WATCHED -> REFUSAL : watched)
	fi;
	outcome_of[s] = c
}

#ifdef OUTCOME_AFTER_COMMIT
inline answer_late(s)
{
	if
	:: outcome[s] == EMPTY -> outcome[s] = SUCCESS
	:: outcome[s] != EMPTY
	fi
}
#endif

/* A step for every slot of the batch. */
#define EACH_TAKEN(step) \
	do \
	:: atomic { s < SLOTS && (taken & BIT(s)) -> \
		step; s++; OR_DIE(committer_kills) } \
	:: atomic { s < SLOTS && !(taken & BIT(s)) -> s++ } \
	:: atomic { s == SLOTS -> s = 0; break } \
	od

inline wake_workers(mask)
{
	do
	:: atomic { s < WORKERS && (mask & OWNED(s)) ->
		event[s] = true; s++; OR_DIE(committer_kills) }
	:: atomic { s < WORKERS && !(mask & OWNED(s)) -> s++ }
	:: atomic { s == WORKERS -> s = 0; break }
	od
}

/* The number in shared memory; no slot and no row on the disk has it yet. */
inline new_batch()
{
	do
	:: s < SLOTS -> slot_is_batch[s] = false; s++
	:: s == SLOTS -> s = 0; break
	od;
	meta_is_batch = false
#ifdef NO_GENERATION
	;
	if
	:: meta_is_old -> meta_is_batch = true
	:: true
	fi
#endif
}

inline scan()
{
	do
	:: atomic { s < SLOTS && state[s] != READY -> s++ }
	:: atomic { s < SLOTS && state[s] == READY -> found = true; break }
	:: s == SLOTS -> break
	od;
	s = 0
}

proctype committer()
{
	byte s = 0;
	byte taken = 0;		/* slots */
	bool writes = false;	/* the transaction has something to commit */
	mtype:outcome watched = EMPTY;	/* if it is in the transaction */
	mtype:command read = NONE;
	byte room = 0;
	bool alone = false;	/* one by one, after a batch that failed */
	bool found = false;
	bit mine;

born:
	atomic {
		mine = generation;
		s = 0; taken = 0; room = 0;
		writes = false; watched = EMPTY; read = NONE;
		alone = false; found = false; sleeping = false
	}
	{
	/* Recovery.  A predecessor's commit may be visible and not durable. */
	atomic {
#ifndef NO_SYNC_AT_OPEN
		flush();
#endif
		OR_DIE(committer_kills)
	}
	do
	:: atomic {
		s < SLOTS && state[s] == TAKEN ->
		if
#if defined(RECOVERY_RERUNS)
		:: state[s] = READY
#elif defined(RECOVERY_ANSWERS)
		:: state[s] = DONE
#elif defined(MARK_READ_AS_READER)
		:: meta_is_batch && !unseen -> state[s] = DONE
		:: !meta_is_batch || unseen -> state[s] = READY
#elif defined(SLOT_BATCH_IGNORED)
		:: meta_is_batch -> state[s] = DONE
		:: !meta_is_batch -> state[s] = READY
#else
		:: meta_is_batch && slot_is_batch[s] -> state[s] = DONE
		:: !(meta_is_batch && slot_is_batch[s]) -> state[s] = READY
#endif
		fi;
		s++;
		OR_DIE(committer_kills)
	   }
	:: atomic { s < SLOTS && state[s] != TAKEN -> s++ }
	:: atomic { s == SLOTS -> s = 0; break }
	od;
#ifndef NO_WAKE_AFTER_RECOVERY
	wake_workers(255);
#endif

rest:	/* Until something is READY. */
#if defined(SCAN_BEFORE_SLEEP_ONLY)
	scan();
	atomic { asleep = true; OR_DIE(committer_kills) }
	bell = READ;
#elif defined(BELL_READ_AFTER_SCAN)
	atomic { asleep = true; OR_DIE(committer_kills) }
	scan();
	bell = READ;
#elif defined(ASLEEP_AFTER_SCAN)
	bell = READ;
	scan();
	atomic { asleep = true; OR_DIE(committer_kills) }
#else
	atomic { asleep = true; OR_DIE(committer_kills) }
	bell = READ;
	scan();
#endif
	if
	:: atomic { found -> found = false; bell = UNREAD }
	:: atomic { !found -> alone = false; sleeping = (bell == READ);
		bell = UNREAD }
end_asleep:
	   !sleeping;
	   goto rest
	fi;
	asleep = false;

	/* Begin.  What is not durable would be answered for by replays. */
	atomic {
		assert(flushed);
		unseen = false;
		room = (alone -> 1 : LIMIT);
#ifndef BATCH_STORED_AFTER_COMMIT
		new_batch();
#endif
		OR_DIE(committer_kills)
	}

	/* Take and run. */
	do
	:: atomic { s < SLOTS && room > 0 && state[s] == READY ->
#ifdef COMMAND_READ_BEFORE_CAS
		read = command[s];
#endif
#ifndef SLOT_BATCH_AFTER_CAS
		slot_is_batch[s] = true;
#endif
		OR_DIE(committer_kills)
	   }
	   if
#ifdef TAKING_WITHOUT_CAS
	   :: atomic { true ->
#else
	   :: atomic { state[s] == READY ->
#endif
		state[s] = TAKEN;
		taken = taken | BIT(s);
		room--;
		OR_DIE(committer_kills)
	      }
#ifdef SLOT_BATCH_AFTER_CAS
	      atomic { slot_is_batch[s] = true; OR_DIE(committer_kills) }
#endif
	      atomic {
#ifndef COMMAND_READ_BEFORE_CAS
		read = command[s];
#endif
		execute(s, read);
		read = NONE;
		s++;
		OR_DIE(committer_kills)
	      }
#ifndef TAKING_WITHOUT_CAS
	   :: atomic { state[s] != READY -> read = NONE; s++ }
#endif
	   fi
	:: atomic { s < SLOTS && room > 0 && state[s] != READY -> s++ }
	:: atomic { s == SLOTS || room == 0 -> s = 0; room = 0; break }
	od;

#ifdef DONE_BEFORE_COMMIT
	EACH_TAKEN(state[s] = DONE);
	wake_workers(taken);
#endif
#ifdef META_BEFORE_EFFECTS
	atomic { meta_is_batch = true; OR_DIE(committer_kills) }
#endif
	/* Commit, unless nothing was written. */
	if
	:: !writes
	:: writes ->
		atomic {
			assert(watched == EMPTY || !(visible || denied));
			flushed = false;
			visible = visible || watched == SUCCESS;
			denied = denied || watched == REFUSAL;
#ifndef META_AFTER_EFFECTS
			meta_is_batch = true;
#endif
			meta_is_old = false;
			unseen = true;
			OR_DIE(committer_kills)
		}
#ifdef META_AFTER_EFFECTS
		atomic { meta_is_batch = true; OR_DIE(committer_kills) }
#endif
		if
		:: atomic { flush(); unseen = false; OR_DIE(committer_kills) }
		:: atomic { failures > 0 -> failures-- }
		   goto flush_failed
		fi
	:: atomic { writes && failures > 0 -> failures-- }
	   goto commit_failed
	fi;
#if defined(BATCH_STORED_AFTER_COMMIT)
	atomic { new_batch(); meta_is_batch = true; OR_DIE(committer_kills) }
#elif defined(BATCH_ENDED_BEFORE_DONE)
	atomic { new_batch(); OR_DIE(committer_kills) }
#endif
#ifdef OUTCOME_AFTER_COMMIT
	EACH_TAKEN(answer_late(s));
#endif
#ifdef EVENT_BEFORE_DONE
	wake_workers(taken);
	EACH_TAKEN(state[s] = DONE);
#else
	EACH_TAKEN(state[s] = DONE);
	wake_workers(taken);
#endif
	goto settled;

commit_failed:
	/* Nothing of it is visible: none of it ran, or each runs by itself. */
	if
	:: EACH_TAKEN(outcome[s] = UNAVAILABLE);
	   EACH_TAKEN(state[s] = DONE);
	   wake_workers(taken)
	:: atomic { !alone -> alone = true }
	   EACH_TAKEN(state[s] = READY)
	fi;
	goto settled;

flush_failed:
	/* Visible, so neither refused nor run again: open the store anew. */
#ifdef FLUSH_FAILURE_REFUSED
	goto commit_failed;
#endif
	if
	:: EACH_TAKEN(outcome[s] = UNKNOWN);
	   EACH_TAKEN(state[s] = DONE);
	   wake_workers(taken)
	:: true
	fi;
	goto born;

settled:
	atomic { taken = 0; writes = false; watched = EMPTY }
	goto rest
	} UNLESS_RESTARTED
}

/*
 * All that a committer of another generation could do to this one's meta row,
 * were there one for all: more than it does.
 */
proctype rival()
{
	meta_is_batch = false
}

/*
 * The supervisor dies and all with it, or the host loses its power: shared
 * memory is new, and the disk is as it was, or as it was flushed.
 */
proctype supervisor()
{
	byte s = 0;

end:	do
	:: atomic {
		restarts > 0 ->
		restarts--;
		generation = 1 - generation;
		meta_is_batch = false;
		meta_is_old = true;
		if
		:: true
		:: visible = durable; flushed = true
		fi;
		bell = UNREAD;
		asleep = false;
		sleeping = false;
		do
		:: s < SLOTS ->
			clear(s);
			slot_is_batch[s] = false;
			client[s] = NOBODY;
			event[OWNER(s)] = false;
			s++
		:: s == SLOTS -> s = 0; break
		od
	   }
	od
}

init
{
	byte w = 0;

	atomic {
		do
		:: timeouts > 0 -> timeouts--
		:: break
		od;
		do
		:: restarts > 0 -> restarts--
		:: break
		od;
		run committer();
		do
		:: w < WORKERS -> run worker(w); w++
		:: w == WORKERS -> w = 0; break
		od
#if RESTARTS
		; run supervisor()
#endif
#ifdef TWO_GENERATIONS
		; run rival()
#endif
	}
}
