/*
 * What the supervisor says on the board.  Its own memory has the truth: on the
 * board, which all can write, all of it is said again at each step, so that
 * nothing stays there that somebody else has written.
 */
#include "app/supervision.h"

static enum process_state
state_of(const struct supervisor *supervisor, const struct process *process)
{
	if (process->pid == 0)
		return PROCESS_ABSENT;
	return process->leaving || (supervisor->ending != ENDING_NOT &&
				       !process->kind->commits)
		   ? PROCESS_LEAVES
		   : PROCESS_RUNS;
}

static void
show_place(const struct supervisor *supervisor, const struct process *process)
{
	struct process_status *status = process->status;

	status->kind = process->kind_number;
	status->number = (uint32_t)process->number;
	status->pid = (int32_t)process->pid;
	status->state = (uint32_t)state_of(supervisor, process);
	if (process->pid > 0) {
		status->generation = process->generation;
		status->started_us = process->started.us;
	} else {
		status->connections = 0;
		status->in_flight = 0;
	}
}

void
board_show(const struct supervisor *supervisor)
{
	const struct tally *tally = &supervisor->tally;
	struct board *board = supervisor->shared.board;

	board->started_us = supervisor->started.us;
	board->alive_us = clock_uptime().us;
	board->generation = supervisor->generation;
	board->stopping = supervisor->stopping;
	board->starts = tally->starts;
	board->deaths = tally->deaths;
	board->kills = tally->kills;
	board->forbidden = tally->forbidden;
	for (unsigned i = 0; i < supervisor->shared.places; i++)
		show_place(supervisor, &supervisor->processes[i]);
}
