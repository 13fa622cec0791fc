#include "app/status_host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- Processes ------------------------------------------------------------- */

/* The first bytes of a file of /proc/PID, as a string. */
static bool
read_proc(pid_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	ssize_t length;
	int file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	length = read(file, to, size - 1);
	close(file);
	if (length <= 0)
		return false;
	to[length] = '\0';
	return true;
}

bool
host_process(pid_t pid, struct host_process *process)
{
	const int64_t page = sysconf(_SC_PAGESIZE);
	int64_t resident, shared;
	char text[512];
	const char *name_end;

	/* proc(5): size, resident and shared in pages; then others. */
	if (!read_proc(pid, "statm", text, sizeof(text)) ||
	    sscanf(text, "%*d %" SCNd64 " %" SCNd64, &resident, &shared) != 2)
		return false;
	process->resident_bytes = resident * page;
	process->private_bytes = (resident - shared) * page;
	/* The name, in brackets, may have any bytes. */
	if (!read_proc(pid, "stat", text, sizeof(text)))
		return false;
	name_end = strrchr(text, ')');
	process->stopped = name_end != NULL && strlen(name_end) > 2 &&
			   (name_end[2] == 'T' || name_end[2] == 't');
	return true;
}

/* -- The queue of a listener ----------------------------------------------- */

/* tcp(7) does not say so, but for a listener these two are its queue. */
static bool
tcp_queue(int listener, int64_t *length, int64_t *max)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return false;
	*length = info.tcpi_unacked;
	*max = info.tcpi_sacked;
	return true;
}

/* sock_diag(7): asks for the lengths of one unix socket's queues. */
static bool
ask(int netlink, ino_t inode)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req body;
	} request = {
	    .head = {.nlmsg_len = sizeof(request),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST},
	    .body = {.sdiag_family = AF_UNIX,
		.udiag_states = UINT32_MAX,
		.udiag_ino = (uint32_t)inode,
		.udiag_show = UDIAG_SHOW_RQLEN,
		.udiag_cookie = {UINT32_MAX, UINT32_MAX}},
	};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	return sendto(netlink, &request, sizeof(request), 0,
		   (struct sockaddr *)&kernel,
		   sizeof(kernel)) == sizeof(request);
}

/* Of a socket that listens: connections that wait, and that can. */
static bool
find_queue(const struct nlmsghdr *head, struct unix_diag_rqlen *queue)
{
	const struct unix_diag_msg *body = NLMSG_DATA(head);
	const struct rtattr *row = (const struct rtattr *)(body + 1);
	size_t left;

	if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    head->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return false;
	left = head->nlmsg_len - NLMSG_LENGTH(sizeof(*body));
	for (; RTA_OK(row, left); row = RTA_NEXT(row, left))
		if (row->rta_type == UNIX_DIAG_RQLEN &&
		    RTA_PAYLOAD(row) >= sizeof(*queue)) {
			memcpy(queue, RTA_DATA(row), sizeof(*queue));
			return true;
		}
	return false;
}

static bool
unix_queue(int listener, int64_t *length, int64_t *max)
{
	_Alignas(struct nlmsghdr) char answer[1024];
	const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
	struct unix_diag_rqlen queue;
	struct stat status;
	ssize_t received = -1;
	int netlink;

	if (fstat(listener, &status) != 0)
		return false;
	netlink =
	    socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return false;
	/* The answer is there when the question has been taken. */
	if (ask(netlink, status.st_ino))
		received = recv(netlink, answer, sizeof(answer), MSG_DONTWAIT);
	close(netlink);
	if (received < 0 || !NLMSG_OK(head, (size_t)received) ||
	    !find_queue(head, &queue))
		return false;
	*length = queue.udiag_rqueue;
	*max = queue.udiag_wqueue;
	return true;
}

bool
host_queue(int listener, int64_t *length, int64_t *max)
{
	int domain;
	socklen_t size = sizeof(domain);

	if (getsockopt(listener, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
		return false;
	return domain == AF_UNIX ? unix_queue(listener, length, max)
				 : tcp_queue(listener, length, max);
}
