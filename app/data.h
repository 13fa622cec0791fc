/*
 * The store as the settings say, for each process of intentd.
 */
#ifndef APP_DATA_H
#define APP_DATA_H

#include <stdbool.h>

#include "app/settings.h"
#include "engine/engine.h"

/*
 * Readers that a store has room for.  While settings or programs change hands
 * a server has twice its workers and couriers, and there are two servers;
 * besides them their other processes, intentctl, and backups.  A place is a
 * cache line.
 */
enum { READERS_MAX = 4 * (256 + 8) + 64 };

/*
 * Opens the store, wrapped to fail where the settings plan that.  NULL, and
 * the reason logged; else owned by the caller.  Once a process, and not
 * before a fork.
 */
struct store *data_open(const struct settings *settings);

/*
 * As data_open(), for a process that does not commit where another one does:
 * then it cannot write to the store's file.
 */
struct store *data_open_to_read(const struct settings *settings);

/*
 * Makes this process the one that commits for its server: no other one can
 * until it has ended, also not one that is being killed and still flushes.
 * Another server's may: LMDB lets one of them write at a time.
 *
 * lock: a file of the server's own, inherited.  False, and the reason logged,
 * when another process has it.
 */
bool data_lock(int lock);

/*
 * Why a store is not this program's, and the command that helps; `to` has
 * DATA_SENTENCE_BYTES.
 */
enum { DATA_SENTENCE_BYTES = 2 * SETTING_BYTES_MAX + 256 };
struct schema;
void data_tell_schema(const char *path, const struct schema *schema, char *to);

/*
 * Frees what readers that died have kept of the store: their slots, and the
 * pages of their moments, which else could not be used again.  Of the store
 * that data_open() gave to this process; how many they were.
 */
int data_clear_dead_readers(void);

/* The engine's options for a process of the server, but for the store. */
struct process_context;
struct engine_options data_engine_options(
    const struct process_context *context);

/*
 * Opens and closes it as a worker does, and says on standard error what is
 * in the way.  For a child.  Returns the exit status.
 */
int data_check(const struct settings *settings);

/*
 * data_check() in a child, since no process may open the store before it
 * forks; false: the reason is logged.
 */
bool data_opens(const struct settings *settings);

#endif
