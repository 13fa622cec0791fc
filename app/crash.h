/*
 * Points at which a process may be killed, for tests: in a build with
 * CRASH_POINTS (make CRASH=1) each of them ends its process as kill -9 would,
 * once in so many times as the environment's INTENTD_CRASH_ONE_IN says.  In
 * every other build they are nothing.
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

enum crash_point {
#define CRASH_ENUMERATOR(name) CRASH_##name,
	CRASH_POINTS_OF(CRASH_ENUMERATOR)
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
