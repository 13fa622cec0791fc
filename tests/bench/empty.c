/*
 * The ceiling of what a FastCGI program can reach here: libfcgi's own accept
 * loop in some processes, each of which answers every request with the same
 * bytes.  It blocks on the connection that it has, so that for connections
 * that are kept there must be as many processes as connections.
 *
 *   empty SOCKET PROCESSES FILE    FILE: the JSON of every answer
 *
 * Says "ready" once it listens, and goes on until it is killed; its children
 * end with it.
 */
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
	ANSWER_BYTES_MAX = 65536,
	PROCESSES_MAX = 4096,
};

static char answer[ANSWER_BYTES_MAX];
static int answer_length;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
read_answer(const char *path)
{
	FILE *file = fopen(path, "r");

	if (file == NULL)
		fail(path);
	answer_length = (int)fread(answer, 1, sizeof(answer), file);
	if (answer_length == 0 || ferror(file))
		fail(path);
	fclose(file);
}

/* A body that is not read would be taken for the next request. */
static void
skip_body(FCGX_Stream *in)
{
	char bytes[4096];
	int length;

	do
		length = FCGX_GetStr(bytes, sizeof(bytes), in);
	while (length == sizeof(bytes));
}

static _Noreturn void
serve(int listener, pid_t parent)
{
	FCGX_Request request;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, listener, 0) != 0)
		_exit(1);
	while (FCGX_Accept_r(&request) == 0) {
		skip_body(request.in);
		FCGX_FPrintF(request.out,
		    "Status: 200\r\nContent-Type: application/json\r\n"
		    "Content-Length: %d\r\n\r\n",
		    answer_length);
		FCGX_PutStr(answer, answer_length, request.out);
	}
	_exit(1);
}

int
main(int argc, char **argv)
{
	int processes = argc == 4 ? atoi(argv[2]) : 0;
	pid_t parent = getpid();
	int listener;

	if (processes < 1 || processes > PROCESSES_MAX) {
		fprintf(stderr, "usage: empty SOCKET PROCESSES FILE\n");
		return 2;
	}
	read_answer(argv[3]);
	if (FCGX_Init() != 0)
		fail("libfcgi");
	listener = FCGX_OpenSocket(argv[1], BACKLOG);
	if (listener < 0)
		fail(argv[1]);
	for (int i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0)
			serve(listener, parent);
	}
	/* libfcgi has taken it, and would only note it. */
	signal(SIGTERM, SIG_DFL);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
