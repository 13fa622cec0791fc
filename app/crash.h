/*
 * Points at which a process may be killed, for tests: in a build with
 * CRASH_POINTS (make CRASH=1) each of them ends its process as kill -9 would.
 * In every other build they are nothing.  The environment says when:
 *
 *	INTENTD_CRASH_ONE_IN=N		once in so many passages, at any POINT
 *	INTENTD_CRASH_AT=NAME=N,...	at the Nth passage of that one, POINT or
 *					STEP, counted over all processes that
 *					have one supervisor; once
 *	INTENTD_CRASH_IN=PROCESS	... counted in processes of that name
 *					alone, as ps has it
 *	INTENTD_CRASH_ALL=1		... and all of the process group dies at
 *					that moment: a server that leads one
 */
#ifndef APP_CRASH_H
#define APP_CRASH_H

/*
 * The arrows of the committer's protocol (app/slots.h), in its order, the steps
 * of copying the audit log (app/audit_file.c), and those of a delivery
 * (app/courier_flights.c).
 */
#define CRASH_POINTS_OF(POINT)                                               \
	POINT(OWNER_WRITTEN)	   /* the command is there, not yet READY */ \
	POINT(OWNER_READY)	   /* READY, and nobody rang */              \
	POINT(OWNER_SUBMITTED)	   /* rung; others are served meanwhile */   \
	POINT(OWNER_RUNG)	   /* a bell was heard */                    \
	POINT(OWNER_DONE)	   /* the outcome was seen */                \
	POINT(OWNER_ANSWERED)	   /* the client has it, DONE still */       \
	POINT(OWNER_FREED)	   /* FREE again */                          \
	POINT(COMMITTER_ASLEEP)	   /* it has said that it sleeps */          \
	POINT(COMMITTER_BEGUN)	   /* a number, and a transaction */         \
	POINT(COMMITTER_TOOK)	   /* TAKEN, not run */                      \
	POINT(COMMITTER_RAN)	   /* the outcome is in the slot */          \
	POINT(COMMITTER_MARKED)	   /* the mark is in the transaction */      \
	POINT(COMMITTER_COMMITTED) /* on disk, nobody knows */               \
	POINT(COMMITTER_FINISHED)  /* one is DONE, others are not */         \
	POINT(COMMITTER_ALL_DONE)  /* nobody was told */                     \
	POINT(COMMITTER_RANG)	   /* one owner was told */                  \
	POINT(COMMITTER_RECOVERS)  /* another one's batch is being sorted */ \
	POINT(AUDIT_TORN)	   /* half of the lines are in the file */   \
	POINT(AUDIT_WROTE)	   /* all are, and may not be on disk */     \
	POINT(AUDIT_FLUSHED)	   /* the store was not told */              \
	POINT(AUDIT_FORGOT)	   /* it was */                              \
	POINT(COURIER_CLAIMED)	   /* the lease was seen, nothing is sent */ \
	POINT(COURIER_SENT)	   /* the request may have left */           \
	POINT(COURIER_ANSWERED)	   /* the attempt is over, nobody knows */   \
	POINT(COURIER_REPORTED)	   /* it is in the store */                  \
	POINT(COURIER_RELEASED)	   /* a lease has ended without attempt */

/*
 * What every command meets many times: the steps of its transaction, whoever
 * runs it, the first of each pair before and the second behind (crash_steps.c);
 * and those of processes, which come seldom.
 */
#define CRASH_STEPS_OF(STEP)                                                 \
	STEP(ENGINE_BEGINS) /* a transaction that writes */                  \
	STEP(ENGINE_BEGUN)                                                   \
	STEP(ENGINE_CLAIMS) /* is the idempotency key known? */              \
	STEP(ENGINE_CLAIMED)                                                 \
	STEP(ENGINE_LOADS) /* one record, or row of an index */              \
	STEP(ENGINE_LOADED)                                                  \
	STEP(ENGINE_DECIDES) /* a payment, by its table */                   \
	STEP(ENGINE_DECIDED)                                                 \
	STEP(ENGINE_PUTS) /* one record, or row of an index */               \
	STEP(ENGINE_PUT)                                                     \
	STEP(ENGINE_REMOVES) /* likewise */                                  \
	STEP(ENGINE_REMOVED)                                                 \
	STEP(ENGINE_REMEMBERS) /* the idempotency record */                  \
	STEP(ENGINE_REMEMBERED)                                              \
	STEP(STORE_COMMITS)                                                  \
	STEP(STORE_COMMITTED)                                                \
	STEP(STORE_WRITES) /* pages, to the file */                          \
	STEP(STORE_TORN)   /* half of one is in the file */                  \
	STEP(STORE_WROTE)                                                    \
	STEP(STORE_FLUSHES) /* them, to the disk */                          \
	STEP(STORE_FLUSHED)                                                  \
	STEP(STORE_SWITCHES) /* the meta page, which makes it so */          \
	STEP(STORE_SWITCHED)                                                 \
	STEP(STORE_SYNCS) /* what another has written, at opening */         \
	STEP(STORE_SYNCED)                                                   \
	STEP(OWNER_ANSWERS)	  /* the outcome is encoded, nothing sent */ \
	STEP(OWNER_RESTS)	  /* an engine outside is being asked */     \
	STEP(OWNER_RESUMES)	  /* it has answered */                      \
	STEP(COMMITTER_RECOVERED) /* another one's batch is sorted */        \
	STEP(PROCESS_STARTS)	  /* forked, nothing is open */              \
	STEP(PROCESS_SERVES)	  /* all is open, nobody was told */         \
	STEP(SUPERVISOR_FORKED)	  /* of its own processes, the parent */     \
	STEP(SUPERVISOR_REAPED)	  /* a death was noted */                    \
	STEP(SUPERVISOR_READY)	  /* all serve, nobody was told */           \
	STEP(SUPERVISOR_RELOADED) /* SIGHUP: new settings, old processes */  \
	STEP(SUPERVISOR_REPLACES) /* SIGUSR2: the new program is forked */   \
	STEP(SUPERVISOR_TOLD)	  /* the new one has said that it serves */  \
	STEP(SUPERVISOR_HEARD)	  /* the old one knows, and is to end */     \
	STEP(SUPERVISOR_ENDS)	  /* SIGTERM: the socket is closed */        \
	STEP(SUPERVISOR_DRAINED)  /* those that commit are left */           \
	STEP(SUPERVISOR_ENDED)	  /* nobody is */                            \
	STEP(COPY_WRITTEN)	  /* a backup or export, under no name */    \
	STEP(COPY_LINKED)	  /* under both of its names */              \
	STEP(COPY_NAMED)	  /* under its own */

enum crash_point {
#define CRASH_ENUMERATOR(name) CRASH_##name,
	CRASH_POINTS_OF(CRASH_ENUMERATOR) CRASH_STEPS_OF(CRASH_ENUMERATOR)
#undef CRASH_ENUMERATOR
	    CRASH_POINT_COUNT
};

#ifdef CRASH_POINTS
#define CRASH_POINT(name) crash_perhaps(CRASH_##name)
void crash_perhaps(enum crash_point point);
#else
#define CRASH_POINT(name) ((void)0)
#endif

#endif
