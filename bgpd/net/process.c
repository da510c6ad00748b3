/* SPDX-License-Identifier: ISC */
/* This process: background, pid file, user; and whole files. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"
#include "net/why.h"
#include "util/mem.h"

/* Background --------------------------------------------------------------- */

static int ready_fd = -1; /* to the parent that waits; -1: none does */

/* Leaves with 0 once the child is ready, else with the child's own status. */
__attribute__((noreturn)) static void
parent_wait(int fd, pid_t child)
{
	char byte;
	ssize_t n;
	int status = 0;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0
		  ? WEXITSTATUS(status)
		  : 1);
}

/*
 * Only the child returns; stderr stays until process_ready. Before any thread
 * and any loop: neither outlives a fork. The directory stays, as paths of the
 * command line are relative to it.
 */
int
process_daemonize(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (pid > 0) {
		close(fds[1]);
		parent_wait(fds[0], pid);
	}
	close(fds[0]);
	ready_fd = fds[1];
	return setsid() < 0 ? -1 : 0;
}

void
process_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (write(ready_fd, "", 1) != 1)
		(void)0; /* a parent that is gone needs no answer */
	close(ready_fd);
	ready_fd = -1;
}

/* The pid file ------------------------------------------------------------- */

static int pid_fd = -1; /* holds the lock as long as we live */
static char *pid_path;

static int
pid_lock(int fd, const char *path, struct text *why)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return why_add(why, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		return why_add(
		    why, "%s: process %d runs already", path, (int)lock.l_pid);
	return why_add(why, "%s: another process runs already", path);
}

/* A second process on the same file is refused, naming the first. */
int
process_write_pid(const char *path, struct text *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return why_add(why, "%s: %s", path, strerror(errno));
	if (pid_lock(fd, path, why) < 0) {
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
		why_add(why, "%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	pid_fd = fd;
	mem_free(pid_path);
	pid_path = mem_string(path);
	return 0;
}

void
process_remove_pid(void)
{
	if (pid_fd < 0)
		return;
	if (unlink(pid_path) < 0 && ftruncate(pid_fd, 0) < 0)
		(void)0; /* the directory is another user's: left empty */
	close(pid_fd);
	pid_fd = -1;
	mem_free(pid_path);
	pid_path = NULL;
}

/* The user ----------------------------------------------------------------- */

/* What listening, TCP-MD5 and raw sockets need after start. */
#define CAPABILITIES                                                           \
	(1u << CAP_NET_BIND_SERVICE | 1u << CAP_NET_ADMIN |                    \
	    1u << CAP_NET_RAW | 1u << CAP_SYS_NICE)

static bool is_another_user;

static int
capabilities_keep(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	data[0].permitted &= CAPABILITIES; /* a container may have fewer */
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	memset(&data[1], 0, sizeof(data[1]));
	return (int)syscall(SYS_capset, &header, data);
}

static int
user_become(const struct passwd *pw)
{
	if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) < 0 ||
	    initgroups(pw->pw_name, pw->pw_gid) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0 ||
	    capabilities_keep() < 0)
		return -1;
	return prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L);
}

/* Before any thread: capabilities are a thread's own. */
int
process_set_user(const char *user, struct text *why)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return why_add(why, "user %s: %s", user,
		    errno != 0 ? strerror(errno) : "there is no such user");
	if (pw->pw_uid == geteuid())
		return 0;
	if (geteuid() != 0)
		return why_add(
		    why, "user %s: only root may become another", user);
	is_another_user = true;
	if (user_become(pw) < 0)
		return why_add(why, "user %s: %s", user, strerror(errno));
	return 0;
}

/* Again ----------------------------------------------------------------------- */

#define AGAIN "BGPD_RESTARTED" /* in the environment: no second background */

int
process_can_restart(struct text *why)
{
	if (!is_another_user)
		return 0;
	return why_add(why,
	    "bgpd gave up its first user (-u) and cannot begin as it did: "
	    "restart it where it was started");
}

static char own_path[PATH_MAX];

bool
process_was_restarted(void)
{
	bool was = getenv(AGAIN) != NULL;
	ssize_t n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);

	own_path[n > 0 ? n : 0] = '\0';
	unsetenv(AGAIN);
	return was;
}

/* By its path: after an upgrade that is another file. */
int
process_restart(char *const *argv)
{
	setenv(AGAIN, "1", 1);
	if (own_path[0] != '\0')
		execv(own_path, argv);
	return execv("/proc/self/exe", argv);
}

/*
 * Between two lives, and before the first one has a loop, each of these would end
 * the process by its default action, or, of process 1, be lost.
 */
void
process_hold_signals(bool held)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	sigprocmask(held ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* Whole files -------------------------------------------------------------- */

int
process_open_log(const char *path, struct text *why)
{
	int fd = open(
	    path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return why_add(why, "%s: %s", path, strerror(errno));
	return fd;
}

/* Bytes read into a growing buffer; -1 with errno, EFBIG beyond limit. */
static ssize_t
file_read_all(int fd, char **data, size_t limit)
{
	size_t len = 0, capacity = 4096;
	ssize_t n;

	*data = mem_alloc(capacity);
	for (;;) {
		if (len + 1 >= capacity)
			*data = mem_resize(*data, capacity *= 2, 1);
		n = read(fd, *data + len, capacity - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len > limit) {
			errno = EFBIG;
			return -1;
		}
	}
	(*data)[len] = '\0';
	return n < 0 ? -1 : (ssize_t)len;
}

char *
process_read_file(const char *path, size_t limit, size_t *len, struct text *why)
{
	/* Nonblocking: a fifo in place of a file must not hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *data = NULL;
	ssize_t n = -1;

	if (fd >= 0) {
		n = file_read_all(fd, &data, limit);
		if (n < 0 && errno == EFBIG)
			why_add(why, "%s: longer than %zu bytes", path, limit);
		else if (n < 0)
			why_add(why, "%s: %s", path, strerror(errno));
		close(fd);
	} else {
		why_add(why, "%s: %s", path, strerror(errno));
	}
	if (n < 0) {
		mem_free(data);
		return NULL;
	}
	if (len != NULL)
		*len = (size_t)n;
	return data;
}

static int
file_write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* The rename is on the disk when its directory is. */
static void
dir_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	size_t len;
	int fd;

	if (slash != NULL) {
		len = slash == path ? 1 : (size_t)(slash - path);
		if (len >= sizeof(dir))
			return;
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd); /* not every file system can */
	close(fd);
}

static int
file_replace(const char *temp, const char *path, int fd, unsigned mode,
    const char *data, size_t len)
{
	int error;

	if (fchmod(fd, (mode_t)mode) < 0 || file_write_all(fd, data, len) < 0) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if (close(fd) < 0)
		return -1;
	return rename(temp, path);
}

/* A link is followed: what it points to is replaced, the link stays. */
int
process_write_file(const char *path, unsigned mode, const char *data,
    size_t len, struct text *why)
{
	char target[PATH_MAX], temp[PATH_MAX];
	int fd, n;

	if (realpath(path, target) == NULL)
		n = snprintf(target, sizeof(target), "%s", path);
	else
		n = 0;
	if (n < (int)sizeof(target))
		n = snprintf(temp, sizeof(temp), "%s.XXXXXX", target);
	if (n >= (int)sizeof(temp))
		return why_add(why, "%s: the name is too long", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return why_add(why, "%s: %s", path, strerror(errno));
	if (file_replace(temp, target, fd, mode, data, len) < 0) {
		why_add(why, "%s: %s", path, strerror(errno));
		unlink(temp);
		return -1;
	}
	dir_sync(target);
	return 0;
}
