/* SPDX-License-Identifier: ISC */
/* The control socket: a stream between processes of this host. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net.h"
#include "net/why.h"

#define LOCAL_BACKLOG 128
#define LOCAL_MODE    0660

static int
local_socket(const char *path, struct sockaddr_un *sun, struct text *why)
{
	int fd;

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return why_add(why,
		    "%s: a socket's path has at most %zu characters", path,
		    sizeof(sun->sun_path) - 1);
	memcpy(sun->sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return why_add(why, "%s: %s", path, strerror(errno));
	return fd;
}

static bool
local_is_alive(const char *path)
{
	int fd = local_dial(path, NULL);
	bool alive = fd >= 0 || errno == EAGAIN || errno == EACCES;

	sock_close(fd);
	return alive;
}

/* Makes room for a new socket's file. */
static int
local_clear(const char *path, struct text *why)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			   ? 0
			   : why_add(why, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return why_add(why,
		    "%s exists and is no socket: remove it or use -s", path);
	if (local_is_alive(path))
		return why_add(why,
		    "%s belongs to a running process: stop it or use -s", path);
	if (unlink(path) < 0)
		return why_add(why, "%s: %s", path, strerror(errno));
	return 0;
}

/* /run is empty after a boot: the last directory is made if it is missing. */
static void
local_make_dir(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path ||
	    (size_t)(slash - path) >= sizeof(dir))
		return;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	(void)mkdir(dir, 0755); /* bind says what is wrong */
}

static int
local_bind(int fd, const struct sockaddr_un *sun, struct text *why)
{
	const char *path = sun->sun_path;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0)
		return why_add(why, "%s: %s%s", path, strerror(errno),
		    errno == ENOENT ? ": make its directory or use -s" : "");
	/* Before listen: until then nobody gets in. */
	if (chmod(path, LOCAL_MODE) < 0 || listen(fd, LOCAL_BACKLOG) < 0) {
		why_add(why, "%s: %s", path, strerror(errno));
		unlink(path);
		return -1;
	}
	return 0;
}

int
local_listen(const char *path, struct text *why)
{
	struct sockaddr_un sun;
	int fd = local_socket(path, &sun, why);

	if (fd < 0)
		return -1;
	local_make_dir(path);
	if (local_clear(path, why) < 0 || local_bind(fd, &sun, why) < 0) {
		sock_close(fd);
		return -1;
	}
	return fd;
}

/* As sock_accept. */
int
local_accept(int listener)
{
	return sock_accept(listener, NULL, NULL);
}

/* Nonblocking. errno is what connect said. */
int
local_dial(const char *path, struct text *why)
{
	struct sockaddr_un sun;
	int fd = local_socket(path, &sun, why);
	int error;

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		error = errno;
		sock_close(fd);
		errno = error;
		return why_add(why, "%s: %s%s", path, strerror(error),
		    error == EACCES ? ": root or its group may" : "");
	}
	return fd;
}
