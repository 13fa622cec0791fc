/*
 * How the server is, as its monitor tells: once, or drawn again each second.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "app/ctl.h"
#include "app/status.h"
#include "app/status_client.h"

enum {
	TEXT_BYTES_MAX = STATUS_PROCESSES_MAX * 256 + 4096,
	REDRAW_MS = 1000,
	/* Lines above the processes, and a last one for the cursor. */
	OTHER_LINES = 11,
	COLUMNS_DEFAULT = 80,
	LINES_DEFAULT = 24,
};

/* Another screen, from whose first line on everything is drawn. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l"
#define SCREEN_HOME "\033[H"
#define SCREEN_CLEAR_LINE "\033[K"
#define SCREEN_CLEAR_REST "\033[J"
#define SCREEN_END "\033[?25h\033[?1049l"

static char json_bytes[STATUS_JSON_BYTES_MAX];
static char text_bytes[TEXT_BYTES_MAX];
/* Two readings, of which one is the earlier one. */
static struct status readings[2];

/* -- Once ------------------------------------------------------------------ */

static const char *
name_of(const struct call *call)
{
	return call->socket[0] != '\0' ? call->socket : call->settings.status;
}

/* False, with *reason: nobody told. */
static bool
ask(const struct call *call, struct buffer *json, struct status *status,
    const char **reason)
{
	buffer_init(json, json_bytes, sizeof(json_bytes));
	if (!status_get(name_of(call), "/status", json, reason))
		return false;
	*reason = "what it answers is no status";
	return status_read(buffer_text(json), status);
}

static enum ctl_status
fail_ask(const struct call *call, const char *reason)
{
	if (name_of(call)[0] == '\0')
		return ctl_fail("the setting `status` is empty: no socket "
				"tells how the server is");
	return ctl_fail("%s: %s", name_of(call), reason);
}

static void
draw(const struct status *status, const struct status_drawing *drawing,
    struct buffer *text)
{
	buffer_init(text, text_bytes, sizeof(text_bytes));
	status_draw(status, drawing, text);
}

enum ctl_status
ctl_show_status(struct call *call)
{
	const struct status_drawing drawing = {
	    .colors = isatty(STDOUT_FILENO) == 1};
	struct buffer json, text;
	const char *reason;

	if (!ask(call, &json, &readings[0], &reason))
		return fail_ask(call, reason);
	text = json;
	if (!call->output.json)
		draw(&readings[0], &drawing, &text);
	fwrite(text.bytes, 1, text.length, stdout);
	return CTL_OK;
}

/* -- Again and again ------------------------------------------------------- */

struct screen {
	struct termios before;
	bool keys;   /* standard input is a terminal */
	int signals; /* signalfd */
};

static bool
open_screen(struct screen *screen)
{
	struct termios raw;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	screen->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	screen->keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (screen->keys) {
		raw = screen->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		/* Stopped, it would leave the terminal as it is here. */
		raw.c_cc[VSUSP] = _POSIX_VDISABLE;
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(SCREEN_BEGIN, stdout);
	return screen->signals >= 0;
}

static void
close_screen(const struct screen *screen)
{
	fputs(SCREEN_END, stdout);
	fflush(stdout);
	if (screen->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
	close(screen->signals);
}

/* Each line over what was there, so that nothing flickers. */
static void
put_screen(struct text text)
{
	struct text line;

	fputs(SCREEN_HOME, stdout);
	while (text_split(text, '\n', &line, &text))
		printf("%.*s" SCREEN_CLEAR_LINE "\r\n", TEXT_PRINT(line));
	fputs(SCREEN_CLEAR_REST, stdout);
	fflush(stdout);
}

static void
draw_screen(const struct status *status, const struct status *before)
{
	struct winsize size = {.ws_col = 0};
	struct status_drawing drawing = {.colors = true, .before = before};
	struct buffer text;

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	drawing.columns = size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
	drawing.lines = size.ws_row > 0 ? size.ws_row : LINES_DEFAULT;
	drawing.lines =
	    drawing.lines > OTHER_LINES ? drawing.lines - OTHER_LINES : 1;
	draw(status, &drawing, &text);
	put_screen(buffer_text(&text));
}

/* Until it is time to draw again; false: somebody wants it to end. */
static bool
rest(struct screen *screen)
{
	struct pollfd files[] = {
	    {.fd = screen->signals, .events = POLLIN},
	    {.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN},
	};
	ssize_t count;
	char key;

	if (poll(files, sizeof(files) / sizeof(files[0]), REDRAW_MS) <= 0)
		return true;
	if (files[0].revents != 0)
		return false;
	count = read(STDIN_FILENO, &key, 1);
	if (count <= 0)
		screen->keys = false;
	return count <= 0 || (key != 'q' && key != 'Q');
}

static void
say(const struct call *call, const char *reason)
{
	struct buffer text;

	buffer_init(&text, text_bytes, sizeof(text_bytes));
	buffer_print(&text, "%s: %s\n", name_of(call), reason);
	put_screen(buffer_text(&text));
}

enum ctl_status
ctl_top(struct call *call)
{
	const struct status *before = NULL;
	struct screen screen;
	struct buffer json;
	const char *reason;
	unsigned turn = 0;
	bool asked, opened;

	if (isatty(STDOUT_FILENO) != 1 || call->output.json)
		return ctl_show_status(call);
	if (!ask(call, &json, &readings[turn], &reason))
		return fail_ask(call, reason);
	opened = open_screen(&screen);
	draw_screen(&readings[turn], NULL);
	while (opened && rest(&screen)) {
		before = &readings[turn];
		turn = 1 - turn;
		/* It may be about to be started again. */
		asked = ask(call, &json, &readings[turn], &reason);
		if (asked)
			draw_screen(&readings[turn], before);
		else
			say(call, reason);
	}
	close_screen(&screen);
	return CTL_OK;
}
