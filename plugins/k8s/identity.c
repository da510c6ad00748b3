/* SPDX-License-Identifier: ISC */
/* Who we are in a Lease: the node's name, and what tells processes of it apart. */

/*
 * Two daemons that were given one name by mistake must not both believe to lead.
 * What follows the name is random and lies in a file beside the state, with the
 * boot that it was made in: "BOOT RANDOM\n". Who has that file locked is the only
 * one of it; the process before has ended, and so its Lease may be gone on with at
 * once. Where the file is in use, or another machine's, or cannot be had, the name
 * is a new one, and a Lease of before has to run out.
 */

#include <sys/file.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/stdlib.h>

#include "cluster.h"

#define BOOT_FILE  "/proc/sys/kernel/random/boot_id"
#define RANDOM_LEN 32 /* hexadecimal digits */
#define LINE_ROOM  128

struct identity {
	int fd; /* of the file, locked; -1: there is none */
	char *text;
};

static void
random_print(char out[RANDOM_LEN + 1])
{
	unsigned char bytes[RANDOM_LEN / 2];
	size_t i;

	arc4random_buf(bytes, sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* A clone of the disk is another boot. Empty where the kernel does not tell. */
static void
boot_read(char out[LINE_ROOM / 2])
{
	int fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, LINE_ROOM / 2 - 1);

	if (fd != -1)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, " \n")] = '\0';
}

/* What stands in the file of this boot, into `out`; false: nothing does. */
static bool
file_read(int fd, const char *boot, char out[RANDOM_LEN + 1])
{
	char line[LINE_ROOM + 1];
	ssize_t n = pread(fd, line, LINE_ROOM, 0);
	size_t len = strlen(boot);

	if (n != (ssize_t)(len + 1 + RANDOM_LEN + 1))
		return false;
	line[n] = '\0';
	if (strncmp(line, boot, len) != 0 || line[len] != ' ' ||
	    line[n - 1] != '\n' ||
	    strspn(line + len + 1, "0123456789abcdef") != RANDOM_LEN)
		return false;
	memcpy(out, line + len + 1, RANDOM_LEN);
	out[RANDOM_LEN] = '\0';
	return true;
}

static int
file_write(int fd, const char *boot, const char *random)
{
	char line[LINE_ROOM];
	int len = snprintf(line, sizeof(line), "%s %s\n", boot, random);

	return ftruncate(fd, 0) == -1 || pwrite(fd, line, (size_t)len, 0) != len
		   ? -1
		   : 0;
}

/* Locked; -1: *why, in words of the log. */
static int
file_open(const char *path, const char **why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	*why = NULL;
	if (fd == -1) {
		*why = strerror(errno);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	*why = "it is in use by another process";
	close(fd);
	return -1;
}

struct identity *
identity_open(struct guest *guest, const char *path, const char *node)
{
	struct identity *id = k8s_alloc(sizeof(*id));
	char boot[LINE_ROOM / 2], random[RANDOM_LEN + 1];
	const char *why;

	boot_read(boot);
	id->fd = file_open(path, &why);
	if (id->fd == -1 || !file_read(id->fd, boot, random)) {
		random_print(random);
		if (id->fd != -1 && file_write(id->fd, boot, random) == -1)
			why = "it cannot be written";
	}
	if (why != NULL)
		say(guest, LOG_WARNING,
		    "state %s: %s; a Lease of before has to run out", path,
		    why);
	id->text = k8s_print("%s_%s", node, random);
	return id;
}

const char *
identity_text(const struct identity *id)
{
	return id->text;
}

char *
identity_node(const char *text)
{
	const char *end = text == NULL ? NULL : strrchr(text, '_');
	char *node = k8s_copy(text);

	if (end != NULL && strlen(end + 1) == RANDOM_LEN)
		node[end - text] = '\0';
	return node;
}

void
identity_close(struct identity *id)
{
	if (id == NULL)
		return;
	if (id->fd != -1)
		close(id->fd);
	free(id->text);
	free(id);
}
